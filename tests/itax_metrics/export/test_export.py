"""Scores for leaderboards: the numbers, their conditions, and that the readers of those forms accept them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from itax_metrics.errors import DataError
from itax_metrics.export.every_eval_ever import file_name, record, seconds
from itax_metrics.export.huggingface import eval_results, model_index
from itax_metrics.export.rates import rates
from itax_metrics.records import Outcome, Run, Status, TaskRun

SOURCE = "https://example.org/run"
DIGEST = "d" * 64


def _scored(solved: int = 3, n: int = 4, **fields):
    task = TaskRun("itax_hefim", 1.0, "raw", "official", "pass@1", "raw", {"sha256": "ab"}, {}, 1, n)
    task = replace(task, fim={"id": "qwen25coder"}, generation={"temperature": 0.0, "max_gen_toks": 512})
    run = Run(
        model="org/m-7B",
        tasks={task.task: task},
        backend="vllm",
        versions={"itax": "1.2", "lm_eval": "0.4.13"},
        created="2026-01-02T03:04:05+00:00",
    )
    rows = [
        Outcome(task.task, f"i{i}", 0, f"c{i // 2}", Status.PASSED if i < solved else Status.FAILED, i < solved, "x")
        for i in range(n)
    ]
    return replace(run, **fields), rows


def _record(run: Run, found):
    about = {"sha256": "cd", "rows": 4}
    return record(run, found, organization="lab", relationship="third_party", rows=about, run_sha256=DIGEST, now=1.0)


def test_a_rate_has_its_conditions():
    """Value, interval, cluster-robust error, and what it depends on."""
    (rate,) = rates(*_scored())
    assert (0.75, 4, "loubnabnl/humaneval_infilling") == (rate.value, rate.n_items, rate.dataset)
    assert rate.ci95.low < 0.75 < rate.ci95.high
    assert rate.standard_error == pytest.approx(0.25)
    assert {"protocol": "official", "data_sha256": "ab", "fim_format": "qwen25coder"}.items() <= rate.conditions.items()


def test_answers_without_a_verdict_are_not_published():
    """An undecided answer, a pending one, and a task without rows."""
    run, rows = _scored()
    for broken in (replace(rows[0], verdict=Status.HARNESS_ERROR, passed=False), replace(rows[0], flags=("pending",))):
        with pytest.raises(DataError, match="i0: no verdict"):
            rates(run, [broken, *rows[1:]])
    with pytest.raises(DataError, match="has no rows"):
        rates(run, [])


def test_a_part_is_no_score_of_the_benchmark():
    """Four of 1033 items are refused; on demand every form says of how many items, and the run's notes stand there."""
    run, rows = _scored(notes=("itax_hefim: 4 of 1033 items were answered.", "Special tokens were dropped."))
    run = replace(run, tasks={"itax_hefim": replace(run.tasks["itax_hefim"], data={"sha256": "ab", "rows": 1033})})
    with pytest.raises(DataError, match=r"itax_hefim: 4 of 1033 items were answered.*--partial"):
        rates(run, rows)
    found = rates(run, rows, partial=True)
    ((_, (entry,)),) = eval_results(run, found, SOURCE, DIGEST).items()
    assert entry["notes"].startswith("4 of 1033 items; 95 % CI")
    assert entry["notes"].endswith("; itax_hefim: 4 of 1033 items were answered. Special tokens were dropped.")
    (result,) = model_index(run, found, SOURCE, DIGEST)["model-index"][0]["results"]
    assert "pass@1 (4 of 1033 items)" == result["metrics"][0]["name"]
    assert "4 of 1033" == result["dataset"]["args"]["items"]
    assert "Special tokens were dropped." in result["dataset"]["args"]["notes"]
    (result,) = _record(run, found)["evaluation_results"]
    source, score = result["source_data"], result["score_details"]
    assert (1033, ["i0", "i1", "i2", "i3"]) == (source["samples_number"], source["sample_ids"])
    assert ("4 of 1033", 4) == (score["details"]["items"], score["uncertainty"]["num_samples"])
    assert "Special tokens were dropped." in score["details"]["notes"]


def test_a_whole_run_carries_its_notes_and_choices():
    """All items are no part; notes of another task are left out; the choice of languages is a condition."""
    run, rows = _scored(notes=("itax_hefim: 1 answer was dropped.", "itax_other: nothing of ours."))
    task = replace(run.tasks["itax_hefim"], data={"sha256": "ab", "rows": 4, "options": {"safim_languages": "python"}})
    run = replace(run, tasks={"itax_hefim": task, "itax_other": replace(task, task="itax_other")})
    rate, _ = rates(run, [*rows, *(replace(row, task="itax_other") for row in rows)])
    expected = {"items": "4", "notes": "itax_hefim: 1 answer was dropped.", "data_options": "safim_languages=python"}
    assert expected.items() <= rate.conditions.items()


@pytest.mark.parametrize("backend", ["hf", "vllm", "sglang", "itax-hf", "itax-vllm", "itax-sglang"])
def test_a_backend_that_loads_the_weights_is_self_deployed(backend: str):
    """Ours are lm-eval's own with prompts as ids; a server says nothing of where it stands."""
    for name, expected in ((backend, "self_deployed"), ("itax-completions", "unknown")):
        run, rows = _scored(backend=name)
        found = _record(run, rates(run, rows))
        assert expected == found["model_info"]["additional_details"]["deployment_type"]


def test_the_hub_s_own_reader_takes_eval_results():
    """Parsed by huggingface_hub: data set, percent, date, source, and the conditions in the notes."""
    hub = pytest.importorskip("huggingface_hub", reason="the reader of that form")
    if not hasattr(hub, "parse_eval_result_entries"):
        pytest.skip("this huggingface_hub does not read .eval_results")
    run, rows = _scored()
    ((name, content),) = eval_results(run, rates(run, rows), SOURCE, DIGEST).items()
    (entry,) = hub.parse_eval_result_entries(content)
    assert "itax_hefim.yaml" == name
    assert ("loubnabnl/humaneval_infilling", "itax_hefim", 75.0) == (entry.dataset_id, entry.task_id, entry.value)
    assert (run.created, SOURCE) == (entry.date, entry.source_url)
    for condition in ("protocol=official", "condition=raw", "data_sha256=ab", "itax=1.2", "lm_eval=0.4.13"):
        assert condition in entry.notes


def test_a_task_without_a_data_set_needs_a_name():
    """Left out of .eval_results, unless the user names the data set."""
    run, rows = _scored()
    tasks = {"itax_hand": replace(run.tasks["itax_hefim"], task="itax_hand")}
    run, rows = replace(run, tasks=tasks), [replace(row, task="itax_hand") for row in rows]
    assert {} == eval_results(run, rates(run, rows), SOURCE, DIGEST)
    assert ["itax_hand.yaml"] == list(eval_results(run, rates(run, rows, {"itax_hand": "me/hand"}), SOURCE, DIGEST))


def test_the_hub_s_own_reader_takes_the_model_index():
    """Parsed by huggingface_hub: one result with its metric, value and source."""
    cards = pytest.importorskip("huggingface_hub.repocard_data", reason="the reader of that form")
    run, rows = _scored()
    card = model_index(run, rates(run, rows), SOURCE, DIGEST)
    name, (result,) = cards.model_index_to_eval_results(card["model-index"])
    assert ("m-7B", "pass@1", 75.0, SOURCE) == (name, result.metric_type, result.metric_value, result.source_url)
    assert "official" == result.dataset_args["protocol"]


def test_every_eval_ever_has_what_its_schema_requires():
    """Required fields, text in every additional_details, and a reference to the single answers."""
    run, rows = _scored()
    found = _record(run, rates(run, rows))
    assert {
        "schema_version",
        "evaluation_id",
        "retrieved_timestamp",
        "source_metadata",
        "model_info",
        "eval_library",
        "evaluation_results",
    } <= set(found)
    (result,) = found["evaluation_results"]
    assert {"evaluation_name", "source_data", "metric_config", "score_details"} <= set(result)
    assert 0.75 == result["score_details"]["score"]
    assert {"temperature": 0.0, "max_tokens": 512} == result["generation_config"]["generation_args"]
    assert {"outcomes_sha256": "cd", "outcomes_rows": "4"}.items() <= found["eval_library"][
        "additional_details"
    ].items()
    assert all(isinstance(value, str) for value in _details(found))


def _details(value: object):
    """Every value of every additional_details and details, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("additional_details", "details"):
                yield from inner.values()
            else:
                yield from _details(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _details(inner)


def test_files_of_different_models_have_different_readable_names():
    """Hub names as they are; other scripts kept; a digest where the name alone would not tell two models apart."""
    names = ["org/m-7B", "org/模型", "org/модель", "m b", "m:b", "/data/ckpt é", "x" * 300, "x" * 301, "模" * 300]
    files = [file_name(Run(model=name, tasks={})) for name in names]
    assert files[:3] == ["org_m-7B.json", "org_模型.json", "org_модель.json"]
    assert files[3].startswith("m_b-")
    assert len(set(files)) == len(names)
    assert max(len(name.encode()) for name in files) < 255


def test_every_form_names_its_run():
    """By the sha256 of run.json, so that an export can be told from that of another run."""
    run, rows = _scored()
    found = rates(run, rows)
    ((_, (entry,)),) = eval_results(run, found, SOURCE, DIGEST).items()
    assert f"run_sha256={DIGEST}" in entry["notes"]
    (result,) = model_index(run, found, SOURCE, DIGEST)["model-index"][0]["results"]
    assert DIGEST == result["dataset"]["args"]["run_sha256"]
    assert DIGEST == _record(run, found)["eval_library"]["additional_details"]["run_sha256"]


def test_the_time_is_that_of_the_run():
    """ISO 8601 to seconds; anything else to the time given."""
    assert 1767323045.0 == seconds("2026-01-02T03:04:05+00:00", 7.0)
    assert 7.0 == seconds("", 7.0)
