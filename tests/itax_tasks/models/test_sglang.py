"""itax-sglang: what SGLang's engine is asked, and how its answers are read.

SGLang needs CUDA and does not install here: the engine itself was not run. Its interface alone stands in for it,
recorded from SGLang 0.5.23: the parameters of `Engine.generate`, the fields of `SamplingParams`, and the shape of an
answer (`output_ids` with the stop included, `meta_info.finish_reason`). These tests say that our arguments have that
shape and that answers of that shape are read right; they say nothing of what the engine would generate.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="the extra `hf` is not installed")
pytest.importorskip("lm_eval")

from itax_metrics.errors import ConfigError, ExecutionError, MissingExtraError
from itax_tasks.models.generation import facts_of
from itax_tasks.models.presence import present
from itax_tasks.prompts.asked import ATTRIBUTE, Asked

SAMPLING = {
    *("max_new_tokens", "stop", "stop_token_ids", "stop_regex", "temperature", "top_p", "top_k", "min_p"),
    *("frequency_penalty", "presence_penalty", "repetition_penalty", "min_new_tokens", "n", "json_schema", "regex"),
    *("ebnf", "structural_tag", "ignore_eos", "skip_special_tokens", "spaces_between_special_tokens", "no_stop_trim"),
    *("stream_interval", "logit_bias", "sampling_seed", "custom_params"),
}
"""Fields of `sglang.srt.sampling.sampling_params.SamplingParams` that a caller may set."""

UNTIL = ["<|endoftext|>", "<|fim_pad|>", "\nclass "]


class Engine:
    """`sglang.Engine` as far as its interface goes; answers are handed in by the test."""

    tokenizer: Any = None
    answer: Any = None

    def __init__(self, **arguments: Any) -> None:
        self.arguments = arguments
        self.calls: list[dict[str, Any]] = []
        self.tokenizer_manager = types.SimpleNamespace(tokenizer=Engine.tokenizer, context_len=128)

    def generate(
        self,
        prompt: Any = None,
        sampling_params: list[dict[str, Any]] | None = None,
        input_ids: list[list[int]] | None = None,
        return_logprob: bool = False,
        logprob_start_len: int | None = None,
        top_logprobs_num: int | None = None,
    ) -> list[dict[str, Any]]:
        assert prompt is None
        assert input_ids is not None
        assert sampling_params is not None
        assert len(input_ids) == len(sampling_params)
        assert all(isinstance(token, int) for ids in input_ids for token in ids)
        for settings in sampling_params:
            assert set(settings) <= SAMPLING, set(settings) - SAMPLING
        self.calls.append({"input_ids": input_ids, "sampling_params": sampling_params})
        return [Engine.answer(ids) for ids in input_ids]


@pytest.fixture
def model(tiny_tokenizer: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`--model itax-sglang` on the recorded interface, with the arguments of a machine with four GPUs."""
    from transformers import AutoTokenizer

    stand_in = types.ModuleType("sglang")
    stand_in.__spec__ = importlib.machinery.ModuleSpec("sglang", None)
    stand_in.Engine = Engine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sglang", stand_in)
    import lm_eval.models.sglang_causallms as theirs

    monkeypatch.setattr(theirs, "sgl", stand_in, raising=False)
    monkeypatch.setattr(Engine, "tokenizer", AutoTokenizer.from_pretrained(tiny_tokenizer))
    from itax_tasks.models.sglang import ItaxSGLang

    return ItaxSGLang.create_from_arg_string(
        f"pretrained={tiny_tokenizer},tp_size=2,dp_size=2,mem_fraction_static=0.8", {"batch_size": "auto"}
    )


def request(model: Any, text: str, room: int = 16, **settings: Any) -> Any:
    """One request that carries ids."""
    from lm_eval.api.instance import Instance

    asked = {"until": UNTIL, "max_gen_toks": room, "do_sample": False, "temperature": 0.0, **settings}
    made = Instance("generate_until", {"task_id": text}, (text, asked), 0, metadata=("itax_hefim", 0, 1))
    setattr(made, ATTRIBUTE, Asked(text, text, "", model.tokenizer.encode(text, add_special_tokens=False)))
    return made


def stopped(model: Any, text: str, stop: str) -> dict[str, Any]:
    """An answer that a stop token ended."""
    ids = model.tokenizer.encode(text + stop, add_special_tokens=False)
    return {
        "text": "",
        "output_ids": ids,
        "meta_info": {"finish_reason": {"type": "stop", "matched": ids[-1]}, "completion_tokens": len(ids)},
    }


def test_the_engine_is_asked_with_ids_and_stop_ids(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prompts are the ids of the items; stops that are control tokens are ids, others strings; nothing is skipped."""
    monkeypatch.setattr(Engine, "answer", lambda ids: stopped(model, "    x = 1\n", "<|fim_pad|>"))
    model.generate_until([request(model, "a = 1"), request(model, "def longer(a):\n    return")], disable_tqdm=True)
    (call,) = model.model.calls
    # One call for all, longest prompt first, as lm-eval's own class does.
    assert [
        model.tokenizer.encode(text, add_special_tokens=False) for text in ("def longer(a):\n    return", "a = 1")
    ] == call["input_ids"]
    ends = [model.tokenizer.convert_tokens_to_ids(token) for token in ("<|endoftext|>", "<|fim_pad|>")]
    assert {
        "max_new_tokens": 16,
        "temperature": 0.0,
        "stop": ["\nclass "],
        "stop_token_ids": sorted(ends),
        "skip_special_tokens": False,
        "spaces_between_special_tokens": False,
    } == call["sampling_params"][0]


def test_answers_are_cut_on_ids_and_carry_their_facts(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text up to the stop, indentation and CRLF kept; token count, finish, ending, leaks; the order is the caller's."""
    texts = {"a": "    x = 1\r\n", "a longer prompt": "\ty\n"}

    def answer(ids: list[int]) -> dict[str, Any]:
        return stopped(model, texts[model.tokenizer.decode(ids)], "<|fim_pad|>")

    monkeypatch.setattr(Engine, "answer", answer)
    found = model.generate_until([request(model, text) for text in texts], disable_tqdm=True)
    assert list(texts.values()) == found
    for text in found:
        facts = facts_of(text)
        assert facts is not None
        tokens = len(model.tokenizer.encode(str(text), add_special_tokens=False)) + 1
        assert (tokens, "stop", "<|fim_pad|>", 1) == tuple(
            facts[name] for name in ("tokens", "finish", "ended_by", "leaks")
        )
        assert facts["seconds"] >= 0


def test_an_answer_that_used_its_room_says_so(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No stop among the ids: the finish is the length."""
    ids = model.tokenizer.encode("x = 1", add_special_tokens=False)
    finish = {"type": "length", "length": len(ids)}
    monkeypatch.setattr(Engine, "answer", lambda _: {"output_ids": ids, "meta_info": {"finish_reason": finish}})
    (text,) = model.generate_until([request(model, "a", room=len(ids))], disable_tqdm=True)
    assert ("x = 1", "length", len(ids)) == (text, text.finish, text.tokens)


def test_arguments_reach_the_engine_unchanged(model: Any, tiny_tokenizer: Path) -> None:
    """Tensor and data parallelism, memory: what `--model_args` says, the engine gets."""
    given = {name: model.model.arguments[name] for name in ("model_path", "tp_size", "dp_size", "mem_fraction_static")}
    assert {"model_path": str(tiny_tokenizer), "tp_size": 2, "dp_size": 2, "mem_fraction_static": 0.8} == given


def test_tasks_know_that_it_takes_ids_and_how_many(model: Any, tiny_tokenizer: Path) -> None:
    """The loaded model is announced with the context of its engine."""
    known = present(str(tiny_tokenizer))
    assert known is not None
    assert ("ids", 128) == (known.takes, known.max_length)


def test_a_prompt_that_does_not_fit_is_refused(model: Any) -> None:
    """Before the engine is asked: a cut from the left would take the first sentinel."""
    with pytest.raises(ConfigError, match="context of the model is 128"):
        model.generate_until([request(model, "a", room=128)], disable_tqdm=True)
    assert [] == model.model.calls


def test_a_request_that_the_engine_gave_up_is_an_error(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An abort is no answer, not even an empty one."""
    finish = {"type": "abort", "message": "out of memory"}
    monkeypatch.setattr(Engine, "answer", lambda _: {"output_ids": [], "meta_info": {"finish_reason": finish}})
    with pytest.raises(ExecutionError, match="out of memory"):
        model.generate_until([request(model, "a")], disable_tqdm=True)


def test_a_release_without_ids_is_named(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers as text alone cannot be cut on ids."""
    monkeypatch.setattr(Engine, "answer", lambda _: {"text": "x", "meta_info": {}})
    with pytest.raises(ConfigError, match=r"output_ids; itax-sglang needs 0\.5"):
        model.generate_until([request(model, "a")], disable_tqdm=True)


@pytest.mark.skipif(find_spec("sglang") is not None, reason="SGLang is installed")
def test_without_sglang_the_package_is_named(tiny_tokenizer: Path) -> None:
    """One message, with what to install."""
    from itax_tasks.models.sglang import ItaxSGLang

    with pytest.raises(MissingExtraError, match=r"itax-tasks\[sglang\]"):
        ItaxSGLang(str(tiny_tokenizer))
