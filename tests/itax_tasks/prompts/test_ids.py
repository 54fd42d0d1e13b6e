"""Prompts for models that take ids: over-long documents, code that holds control tokens, conversations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

transformers = pytest.importorskip("transformers", reason="the extra `hf` is not installed")

from itax_metrics.errors import ConfigError
from itax_metrics.records import Item
from itax_tasks import fim_format
from itax_tasks.models.ids import check_room
from itax_tasks.prompts.prepare import prepare
from itax_tasks.tasks import task

FAMILY: Mapping[str, Any] = {"fim": "qwen2.5-coder"}
SENTINELS = fim_format("qwen2.5-coder").sentinels


@dataclass(frozen=True)
class Model:
    """What prompts need of a model, with a context of its own."""

    tokenizer: Any
    context: int | None
    takes: str = "ids"
    name: str | None = "m"
    served: bool = False


@pytest.fixture(scope="module")
def tokenizer(tiny_tokenizer: Path) -> Any:
    """The tokenizer of the tiny model."""
    return transformers.AutoTokenizer.from_pretrained(tiny_tokenizer)


def item(prefix: str, suffix: str, name: str = "t") -> Item:
    """An item of an infilling task."""
    return Item(task_id=name, prefix=prefix, suffix=suffix)


LONG = item("".join(f"a{n} = {n}\n" for n in range(400)), "".join(f"b{n} = {n}\n" for n in range(400)), "long")
SHORT = item("def f(a):\n    ", "    return b\n", "short")


def test_over_long_documents_keep_their_sentinels_and_split_three_to_one(tokenizer: Any) -> None:
    """All sentinels are there; end of prefix and beginning of suffix are kept, 3 : 1; the item is flagged."""
    made = prepare(task("itax_hefim"), [LONG, SHORT], Model(tokenizer, 300), FAMILY, max_gen_toks=100)
    assert (True, False) == made.truncated
    assert made.ask is not None
    asked = made.ask(0)
    assert asked.ids is not None
    before, after, middle = (tokenizer.convert_tokens_to_ids(token) for token in SENTINELS)
    assert [before, after, middle] == [token for token in asked.ids if token in (before, after, middle)]
    assert 195 <= len(asked.ids) <= 200
    assert LONG.prefix.endswith(asked.prefix)
    assert LONG.suffix.startswith(asked.suffix)
    place = list(asked.ids).index(after)
    assert 2.8 < (place - 1) / (len(asked.ids) - place - 2) < 3.2


def test_code_that_spells_out_a_sentinel_stays_code(tokenizer: Any) -> None:
    """In ids the text is no control token, and nothing has to be counted by name."""
    spelled = item("x = '<|fim_middle|>'\n", "y\n")
    made = prepare(task("itax_hefim"), [spelled], Model(tokenizer, None), FAMILY, max_gen_toks=10)
    assert made.ask is not None
    middle = tokenizer.convert_tokens_to_ids("<|fim_middle|>")
    assert 1 == list(made.ask(0).ids or ()).count(middle)
    assert not any("spell" in warning or "hold" in warning for warning in made.warnings)


@pytest.mark.parametrize("suffix", ["_chat", "_chat_b", "_prefill", "_fimchat"])
def test_over_long_conversations_lose_code_and_no_turn(tokenizer: Any, suffix: str) -> None:
    """The conversation fits, begins and ends as the template has it, and the item is flagged."""
    spec = task(f"itax_hefim{suffix}")
    made = prepare(spec, [LONG, SHORT], Model(tokenizer, 600), FAMILY, max_gen_toks=100)
    assert (True, False) == made.truncated
    assert made.ask is not None
    for place in (0, 1):
        ids = list(made.ask(place).ids or ())
        assert len(ids) <= 500
        text = tokenizer.decode(ids)
        assert text.startswith("<|im_start|>")
        end = "```python\n" if suffix == "_prefill" else "<|im_start|>assistant\n"
        assert text.endswith(end)


def test_a_fim_prompt_in_a_chat_is_the_raw_one_inside_the_user_s_turn(tokenizer: Any) -> None:
    """fimchat: the ids of the raw prompt, whole, between those of the template."""
    model = Model(tokenizer, None)
    raw, chat = (
        prepare(task(name), [SHORT], model, FAMILY, max_gen_toks=10) for name in ("itax_hefim", "itax_hefim_fimchat")
    )
    assert raw.ask is not None
    assert chat.ask is not None
    inner, outer = list(raw.ask(0).ids or ()), list(chat.ask(0).ids or ())
    assert any(inner == outer[place : place + len(inner)] for place in range(len(outer)))
    assert chat.fim is not None
    assert "qwen2.5-coder" == chat.fim["id"]


def test_a_prompt_that_does_not_fit_is_refused_before_generation(tokenizer: Any) -> None:
    """Cut from the left it would lose its first sentinel; the message names item and lengths."""
    from types import SimpleNamespace

    made = prepare(task("itax_hefim"), [LONG], Model(tokenizer, None), FAMILY, max_gen_toks=10)
    assert made.ask is not None
    request = SimpleNamespace(itax_asked=made.ask(0), args=("x", {"max_gen_toks": 10}), task_name="itax_hefim")
    with pytest.raises(ConfigError, match=r"the prompt of long has \d+ tokens and its answer may have 10"):
        check_room([request], 512, 256)
