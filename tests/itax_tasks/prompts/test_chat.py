"""Conversations as text, up to where the model goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from itax_metrics.errors import ConfigError
from itax_tasks.prompts.chat import MAGICODER_SYSTEM, conversation
from itax_tasks.spec import Dialogue

TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
TALK = Dialogue((("system", "S"), ("user", "Q")))


@pytest.fixture
def tokenizer(tiny_tokenizer: Path) -> Any:
    """A tokenizer whose template shows every role."""
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(tiny_tokenizer)
    loaded.chat_template = TEMPLATE
    return loaded


def test_every_turn_is_rendered_in_order(tokenizer: Any) -> None:
    """System first, then the user, then the assistant's turn begins."""
    assert "<system>S</system><user>Q</user><assistant>" == conversation(tokenizer, TALK, named=None, model="m")


def test_a_prefill_begins_the_answer(tokenizer: Any) -> None:
    """The prompt ends where the prefill ends, white space included."""
    talk = Dialogue((("user", "Q"),), prefill="Here:\n```python\n")
    assert "<user>Q</user><assistant>Here:\n```python\n" == conversation(tokenizer, talk, named=None, model="m")


def test_a_template_that_hides_the_answer_takes_no_prefill(tokenizer: Any) -> None:
    """Otherwise the model would answer another question than asked."""
    tokenizer.chat_template = "{{ messages[0].content }}"
    with pytest.raises(ConfigError, match="cannot be prefilled"):
        conversation(tokenizer, Dialogue((("user", "Q"),), prefill="x"), named=None, model="m")


def test_magicoder_s_form_holds_the_request_and_the_prefill() -> None:
    """Its system sentence is part of the form."""
    talk = Dialogue((("user", "Q"),), prefill="def f")
    expected = f"{MAGICODER_SYSTEM}\n\n@@ Instruction\nQ\n\n@@ Response\ndef f"
    assert expected == conversation(None, talk, named="magicoder", model="m")
