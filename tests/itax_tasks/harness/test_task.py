"""The task class inside the real lm-eval: every known trap of the host, one test each."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("lm_eval")

from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

from itax_metrics.behavior import select
from itax_metrics.errors import ConfigError, ExecutionError
from itax_tasks import task_path
from itax_tasks.benchmarks import hand
from itax_tasks.settings import Settings
from itax_tasks.tasks import TASKS

INFILLING = hand.load("infilling", Settings()).items


class Canonical(LM):
    """Answers every item with its truth, or with what a test puts in its place."""

    def __init__(self, answers: dict[str, str] | None = None) -> None:
        super().__init__()
        self.answers = answers or {}
        self.prompts: list[str] = []
        self.until: list[list[str]] = []

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        self.prompts += [request.arguments[0] for request in requests]
        self.until += [request.arguments[1]["until"] for request in requests]
        return [self.answers.get(request.doc["task_id"], request.doc["truth"]) for request in requests]

    def loglikelihood(self, requests: Any, disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        raise AssertionError("generation tasks ask for no probabilities")

    def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = False) -> list[float]:
        raise AssertionError("generation tasks ask for no probabilities")


def evaluate(
    model: LM, metadata: dict[str, Any] | None = None, task: str = "itax_hand_infilling", **options: Any
) -> Any:
    """Run the real lm-eval on one embedded task."""
    manager = TaskManager(
        include_path=task_path(), include_defaults=False, metadata={"fim": "qwen2.5-coder", **(metadata or {})}
    )
    settings = {"log_samples": True, "confirm_run_unsafe_code": True, **options}
    return simple_evaluate(model=model, tasks=[task], task_manager=manager, **settings)


def build(name: str = "itax_hand_infilling", **metadata: Any) -> Any:
    """One task object, as lm-eval builds it."""
    manager = TaskManager(include_path=task_path(), include_defaults=False, metadata=metadata)
    return manager.load([name])["tasks"][name]


def test_canonical_answers_pass_through_the_real_host() -> None:
    """Every truth of the embedded infilling task passes, and the row says so."""
    results = evaluate(Canonical())
    assert 1.0 == results["results"]["itax_hand_infilling"]["pass@1,none"]
    row = results["samples"]["itax_hand_infilling"][0]
    assert "passed" == json.loads(row["filtered_resps"][0])[0]["verdict"]


def test_wrong_answers_fail_item_by_item() -> None:
    """The rate is the share of items answered rightly."""
    wrong = {item.task_id: "    return None\n" for item in INFILLING[:10]}
    results = evaluate(Canonical(wrong))
    assert (len(INFILLING) - 10) / len(INFILLING) == results["results"]["itax_hand_infilling"]["pass@1,none"]


def test_prompts_carry_real_sentinels() -> None:
    """The prompt is prefix sentinel, prefix, suffix sentinel, suffix, middle sentinel, with nothing between."""
    model = Canonical()
    evaluate(model, limit=1)
    first = INFILLING[0]
    assert [f"<|fim_prefix|>{first.prefix}<|fim_suffix|>{first.suffix}<|fim_middle|>"] == model.prompts


def test_generation_stops_at_the_family_s_strings_and_never_at_a_newline() -> None:
    """`until` is the family's stop strings; a newline or blank line would cut legal code."""
    model = Canonical()
    evaluate(model, limit=1)
    assert "<|endoftext|>" in model.until[0]
    assert not [stop for stop in model.until[0] if not stop.strip()]


def test_a_user_s_own_stop_strings_are_kept() -> None:
    """`--gen_kwargs until=...` adds to the family's stops."""
    model = Canonical()
    evaluate(model, limit=1, gen_kwargs={"until": ["END"]})
    assert "END" == model.until[0][0]
    assert "<|fim_middle|>" in model.until[0]


def test_the_request_cache_never_serves_another_model_s_prompts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a Qwen run under --cache_requests, a StarCoder run still gets StarCoder sentinels."""
    from lm_eval.caching import cache

    monkeypatch.setattr(cache, "PATH", str(tmp_path))
    qwen, starcoder = Canonical(), Canonical()
    evaluate(qwen, limit=2, cache_requests=True)
    evaluate(starcoder, {"fim": "starcoder2"}, limit=2, cache_requests=True)
    assert all("<|fim_prefix|>" in prompt for prompt in qwen.prompts)
    assert all(prompt.startswith("<fim_prefix>") for prompt in starcoder.prompts)


def test_samples_in_any_order_keep_their_labels() -> None:
    """--samples [7, 3, 5] labels each row with the document it really holds."""
    results = evaluate(Canonical(), samples={"itax_hand_infilling": [7, 3, 5]})
    rows = results["samples"]["itax_hand_infilling"]
    assert [(number, INFILLING[number].task_id) for number in (7, 3, 5)] == [
        (row["doc_id"], row["doc"]["task_id"]) for row in rows
    ]


def test_samples_outside_the_task_are_refused() -> None:
    """A document number past the end is one clear error."""
    with pytest.raises(ConfigError, match="documents 0 to 39, not 40"):
        evaluate(Canonical(), samples={"itax_hand_infilling": [0, 40]})


def test_padding_responses_of_an_uneven_rank_are_cut_off() -> None:
    """The rank that is asked its last document twice still scores one answer per document."""
    task = build(fim="qwen2.5-coder")
    task.build_all_requests(rank=1, world_size=3)
    for request in task.instances:
        request.resps.append(request.doc["truth"])
    task.instances[-1].resps.append("padding that must not be scored")
    task.apply_filters()
    assert {1} == {len(request.resps) for request in task.instances}
    assert {1} == {len(json.loads(request.filtered_resps["none"])) for request in task.instances}


def test_ranks_share_the_documents_between_them() -> None:
    """Three ranks together ask every document once."""
    asked: list[str] = []
    for rank in range(3):
        task = build(fim="qwen2.5-coder")
        task.build_all_requests(rank=rank, world_size=3)
        asked += [request.doc["task_id"] for request in task.instances]
    assert sorted(item.task_id for item in INFILLING) == sorted(asked)


def test_every_rank_reports_the_same_metric_names() -> None:
    """Gathering metrics over ranks needs equal keys, so the count of undecided answers is always there."""
    task = build(fim="qwen2.5-coder")
    task.build_all_requests(rank=0, world_size=2, limit=2)
    for request in task.instances:
        request.resps.append(request.doc["truth"])
    task.apply_filters()
    names = {tuple(task.process_results(r.doc, [r.filtered_resps["none"]])) for r in task.instances}
    behaviors = (behavior.name for behavior in select())
    assert {("pass@1", *behaviors, "pass@1_incomplete")} == names


def test_predict_only_executes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """--predict_only keeps the responses and starts no program."""
    from itax_tasks.harness import task as module

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("an executor was made")

    monkeypatch.setattr(module, "make_executor", refuse)
    results = evaluate(Canonical(), predict_only=True, limit=3)
    rows = results["samples"]["itax_hand_infilling"]
    assert [[item.truth] for item in INFILLING[:3]] == [row["resps"][0] for row in rows]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"apply_chat_template": True}, "--apply_chat_template"),
        ({"system_instruction": "You are a coder."}, "--system_instruction"),
        ({"num_fewshot": 2}, "--num_fewshot"),
    ],
)
def test_options_that_would_wrap_a_fim_prompt_are_refused(options: dict[str, Any], named: str) -> None:
    """A chat template, a system text or shots around a FIM prompt is one error that names the option."""

    class Chatty(Canonical):
        tokenizer_name = "chatty"

        def apply_chat_template(self, chat_history: Any, add_generation_prompt: bool = True) -> str:
            return "".join(message["content"] for message in chat_history)

        def chat_template(self, chat_template: Any = False) -> str:
            return "template"

    with pytest.raises(ConfigError, match=named):
        evaluate(Chatty(), limit=1, **options)


def test_a_chat_task_reaches_a_served_chat_model_as_one_user_message() -> None:
    """lm-eval's own HTTP chat model, on a loopback server, gets the bare request; its answer is judged."""
    pytest.importorskip("tenacity", reason="lm-eval's api extra is not installed")
    truth = hand.load("instruct", Settings()).items[0]
    asked: list[Any] = []

    class Server(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"])
            answer = {"choices": [{"index": 0, "message": {"content": f"Sure:\n```python\n{truth.truth}```\n"}}]}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        arguments = {"model": "served", "base_url": f"http://127.0.0.1:{server.server_port}/v1/chat/completions"}
        manager = TaskManager(include_path=task_path(), include_defaults=False, metadata=arguments)
        results = simple_evaluate(
            model="local-chat-completions",
            model_args=arguments,
            tasks=["itax_hand_instruct"],
            task_manager=manager,
            limit=1,
            apply_chat_template=True,
            confirm_run_unsafe_code=True,
        )
        server.shutdown()
    assert [[("user", truth.prefix)]] == [[(turn["role"], turn["content"]) for turn in turns] for turns in asked]
    assert 1.0 == results["results"]["itax_hand_instruct"]["pass@1,none"]


def test_a_served_model_without_a_tokenizer_is_told_to_use_messages() -> None:
    """A completions server whose tokenizer nobody can load cannot be spoken to in a chat; the message says how."""
    with pytest.raises(ConfigError, match="local-chat-completions"):
        build("itax_hand_instruct", model="served", base_url="http://x").build_all_requests(limit=1)


def test_without_the_unsafe_flag_nothing_is_generated() -> None:
    """lm-eval itself refuses, because every YAML of ours says unsafe_code."""
    model = Canonical()
    with pytest.raises(ValueError, match="unsafe"):
        evaluate(model, limit=1, confirm_run_unsafe_code=False)
    assert [] == model.prompts


def test_without_a_model_the_error_names_both_remedies() -> None:
    """No pretrained, no fim: the message names the two ways out."""
    with pytest.raises(ConfigError) as error:
        build()
    assert "pretrained=" in str(error.value)
    assert '--metadata \'{"fim":' in str(error.value)


def test_an_unknown_family_is_refused_by_name() -> None:
    """A misspelt family is met with the nearest one."""
    with pytest.raises(ConfigError, match=r"qwen2.5-coder"):
        build(fim="qwen25-coder")


def test_missing_data_is_one_error_with_both_remedies(tmp_path: Path) -> None:
    """Where no file is and no network reaches, the message says what to set and what to run."""
    from itax_metrics.errors import DataError
    from itax_tasks import data as sources

    file = sources.files()[("hefim", "HumanEval-SingleLineInfilling.jsonl.gz")]
    unreachable = sources.DataFile(file.benchmark, file.name, file.sha256, file.rows, "http://127.0.0.1:9/x", "MIT")
    with pytest.raises(DataError) as error:
        sources.fetch(unreachable, Settings(state_dir=tmp_path))
    assert "ITAX_DATA_DIR" in str(error.value)
    assert "itax data fetch hefim" in str(error.value)


def test_results_record_data_prompt_and_sandbox() -> None:
    """What moves a score stands in the results file: data digest, FIM format, rules, sandbox layers."""
    record = evaluate(Canonical(), limit=1)["configs"]["itax_hand_infilling"]["metadata"]["itax"]
    assert "qwen2.5-coder" == record["fim"]["id"]
    assert 64 == len(record["data"]["sha256"])
    assert {"pass@1": "raw"} == record["extraction"]
    assert record["execution"]["interpreter"].startswith("CPython")


def test_metric_names_never_shadow_a_field_of_the_samples_file() -> None:
    """lm-eval lets a metric called `doc` or `filter` overwrite the row; ours are called otherwise."""
    fields = {
        "doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "doc_hash",
        "prompt_hash", "target_hash",
    }  # fmt: skip
    assert not fields & {metric for spec in TASKS.values() for metric in spec.rules}


def test_several_samples_give_the_share_that_passes() -> None:
    """With repeats 2 and one right answer of two, an item scores one half."""
    task = build(fim="qwen2.5-coder")
    task.config.repeats = 2
    task.build_all_requests(limit=1)
    request = task.instances[0]
    request.resps += [request.doc["truth"], "    return None\n"]
    task.apply_filters()
    assert 0.5 == task.process_results(request.doc, [request.filtered_resps["none"]])["pass@1"]


@pytest.fixture
def broken_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An executor whose every run fails."""
    from itax_metrics.execution import LocalExecutor

    def fail(self: Any, *args: Any, **kwargs: Any) -> None:
        raise ExecutionError("no worker could be started")

    monkeypatch.setattr(LocalExecutor, "run", fail)
    return


@pytest.mark.usefixtures("broken_engine")
def test_a_failing_engine_withholds_the_headline_and_loses_nothing(state_dir: Path) -> None:
    """The run ends well, the headline is not a number, the count stands beside it, the responses are kept."""
    results = evaluate(Canonical(), limit=3)
    row = results["results"]["itax_hand_infilling"]
    assert math.isnan(row["pass@1,none"])
    assert 3 == row["pass@1_incomplete,none"]
    kept = [json.loads(line) for path in (state_dir / "journal").glob("*.jsonl") for line in path.open()]
    assert [item.truth for item in INFILLING[:3]] == [row["completion"] for row in kept]


def test_missing_containment_leaves_verdicts_pending(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under `require` on a machine that cannot contain, generation ends and the verdicts wait for another machine."""
    from itax_metrics.execution import executor

    class Nothing:
        contained = False
        layers: tuple[str, ...] = ()
        missing = {"namespaces": "not permitted"}  # noqa: RUF012  # stands for a frozen record

        def summary(self) -> str:
            return "not contained: namespaces (not permitted)"

    monkeypatch.setattr(executor, "probe", Nothing)
    results = evaluate(Canonical(), limit=2)
    first = json.loads(results["samples"]["itax_hand_infilling"][0]["filtered_resps"][0])[0]
    assert ("harness_error", ["pending"]) == (first["verdict"], first["flags"])
    assert "itax score" in first["detail"]


def test_the_paper_profile_sets_the_paper_s_token_limits(tiny_tokenizer: Path, data_dir: Path) -> None:
    """512 new tokens for Qwen, 128 for DeepSeek, as the paper's artifact has them."""
    assert 512 == build("itax_hefim", profile="paper", fim="qwen2.5-coder").config.generation_kwargs["max_gen_toks"]
    assert 128 == build("itax_hefim", profile="paper", fim="deepseek-coder").config.generation_kwargs["max_gen_toks"]


def test_a_prompt_longer_than_the_context_is_cut_and_flagged(tiny_tokenizer: Path) -> None:
    """In a context of 600 tokens with 512 for the answer, long documents lose text, keep all sentinels, and say so."""
    task = build(pretrained=str(tiny_tokenizer), max_length=256 + 60)
    cut = [row for row in task.eval_docs if row["truncated_prompt"]]
    assert cut
    for row in cut:
        assert ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"] == [
            token for token in ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>") if token in row["prompt"]
        ]
    assert len(cut) == task.config.metadata["itax"]["fim"]["truncated"]


def test_a_context_smaller_than_the_answer_is_refused(tiny_tokenizer: Path) -> None:
    """256 tokens of context leave no room for an answer of 256: an error, not a cut from the left."""
    task = build(pretrained=str(tiny_tokenizer), max_length=256)
    with pytest.raises(ConfigError, match="max_gen_toks"):
        task.build_all_requests(limit=1)


def test_a_shorter_answer_makes_room_as_the_message_says(tiny_tokenizer: Path) -> None:
    """The remedy works: --gen_kwargs max_gen_toks=32 in a context of 256."""
    task = build(pretrained=str(tiny_tokenizer), max_length=256)
    task.set_config("generation_kwargs", {"max_gen_toks": 32}, update=True)
    task.build_all_requests(limit=1)
    assert task.config.metadata["itax"]["fim"]["truncated"] == sum(task.eval_docs["truncated_prompt"])


def test_every_spelling_of_the_answer_s_length_counts() -> None:
    """max_new_tokens, as other tools call it, is what the request carries."""
    task = build(fim="qwen2.5-coder")
    task.set_config("generation_kwargs", {"max_new_tokens": 7}, update=True)
    task.build_all_requests(limit=1)
    generation = task.instances[0].arguments[1]
    assert (7, False) == (generation["max_gen_toks"], "max_new_tokens" in generation)


def test_a_user_s_own_yaml_keeps_its_length_and_names_our_task(tmp_path: Path) -> None:
    """A YAML that includes ours under another name, with another length, runs as it says."""
    (tmp_path / "mine.yaml").write_text(
        f"include: {Path(task_path()).resolve() / 'hand' / 'itax_hand_infilling.yaml'}\n"
        "task: mine\ngeneration_kwargs:\n  until: []\n  max_gen_toks: 24\n"
        "metadata:\n  version: 1.0\n  itax_task: itax_hand_infilling\n"
    )
    manager = TaskManager(include_path=str(tmp_path), include_defaults=False, metadata={"fim": "qwen2.5-coder"})
    task = manager.load(["mine"])["tasks"]["mine"]
    task.build_all_requests(limit=1)
    assert 24 == task.instances[0].arguments[1]["max_gen_toks"]
    assert "itax_hand_infilling" == task.config.metadata["itax"]["task"]


@pytest.mark.parametrize("samples", [[], [3, 3]])
def test_samples_name_documents_once(samples: list[int]) -> None:
    """An empty list would run everything, a repeated number could not be scored; both are refused."""
    with pytest.raises(ConfigError, match="each of them once"):
        list(build(fim="qwen2.5-coder").doc_iterator(samples=samples))


@pytest.mark.parametrize("secret", ["api_key", "token"])
def test_keys_in_model_args_are_refused(secret: str) -> None:
    """lm-eval would write them into the results."""
    with pytest.raises(ConfigError, match=secret):
        build(model="served", base_url="http://x", **{secret: "sk-1"})


def test_gen_kwargs_that_come_late_refit_the_prompts(tiny_tokenizer: Path) -> None:
    """--gen_kwargs max_gen_toks is known after the build; prompts are fitted again to what it leaves."""
    task = build(pretrained=str(tiny_tokenizer), max_length=256 + 60)
    before = sum(task.eval_docs["truncated_prompt"])
    task.set_config("generation_kwargs", {"max_gen_toks": 16}, update=True)
    task.build_all_requests(limit=1)
    assert sum(task.eval_docs["truncated_prompt"]) < before


def test_behaviors_stand_in_the_results_of_a_document() -> None:
    """The chosen ones; one without any value is left out."""
    task = build(fim="qwen2.5-coder", behaviors="fence,ctr,tokens")
    task.build_all_requests(limit=1)
    (request,) = task.instances
    request.resps.append(f"```\n{request.doc['truth']}\n```")
    task.apply_filters()
    found = task.process_results(request.doc, [request.filtered_resps["none"]])
    assert {"fence": 1.0, "ctr": found["ctr"]} == {name: found[name] for name in set(found) - {"pass@1"}}
    assert {"fence": False, "ctr": True} == {name: task.higher_is_better()[name] for name in ("fence", "ctr")}


def test_an_unknown_behavior_stops_the_task_before_anything_is_generated() -> None:
    """At task build."""
    with pytest.raises(ConfigError, match="no behaviour 'charm'"):
        build(fim="qwen2.5-coder", behaviors="charm")


def test_an_answer_as_long_as_it_may_be_has_hit_the_limit(tiny_model: Path) -> None:
    """Counted by the model's own tokenizer."""
    task = build(pretrained=str(tiny_model), fim="qwen2.5-coder")
    assert (0, False) == task._spent("")
    tokens, at_limit = task._spent("x = 1\n" * 400)
    assert at_limit
    assert tokens is not None
    assert tokens >= 256


def test_no_metric_or_behavior_takes_a_field_of_the_samples_file() -> None:
    """Nor do two of them share a name."""
    names = [behavior.name for behavior in select(["all"])]
    assert not set(names) & {metric for spec in TASKS.values() for metric in spec.rules}
