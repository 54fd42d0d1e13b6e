"""itax-hf on a scripted checkpoint: what is stored is what was generated up to the first stop, whatever the batch."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `hf` is not installed")

from tests.scripted_model import SCRIPTS, make_scripted
from tests.scripted_run import answers

from itax_tasks.models.generation import Generation

EXPECTED = {
    "leak": ("    x = 1\n", "stop", "<|fim_pad|>", 2, 1),
    "turn": ("    y = 2\n", "stop", "<|im_end|>", 2, 1),
    "crlf": ("\t\tz = 3\r\n    \r\n", "stop", "<|endoftext|>", 3, 0),
    "accents": ("    \u00e9t\u00e9 = '\u4e16\u754c \U0001f600'\n", "stop", "<|endoftext|>", 2, 0),
    "long": ("".join(f"n{number} " for number in range(24)), "stop", "<|endoftext|>", 25, 0),
    "class": ("    pass\n", "stop", "\nclass Other", 3, 0),
}
"""Text, finish, what ended it, tokens, leaks."""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripted checkpoint, its FIM tokens marked special."""
    return make_scripted(tmp_path_factory.mktemp("scripted"), special=True)


def shown(rows: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """Answers by script."""
    return {
        key: (row["text"], row["finish"], row["ended_by"], row["tokens"], row["leaks"])
        for key, row in zip(SCRIPTS, rows, strict=True)
    }


@pytest.mark.parametrize("batch", [1, 8])
def test_itax_hf_stores_the_text_up_to_the_first_stop(checkpoint: Path, batch: int) -> None:
    """Indentation, CRLF and characters outside ASCII stay; nothing after a stop does, whoever the neighbours are."""
    rows = answers("itax-hf", str(checkpoint), batch)
    assert EXPECTED == shown(rows)
    assert all(row["timed"] for row in rows)


def test_itax_hf_decodes_as_it_is_asked_and_not_as_the_checkpoint_would_like(
    checkpoint: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Instruct checkpoints bring a repetition penalty, which transformers applies to greedy decoding too."""
    wishes = {"do_sample": True, "temperature": 2.0, "repetition_penalty": 100.0, "max_new_tokens": 2}
    shutil.copytree(checkpoint, tmp_path / "wishes")
    path = tmp_path / "wishes" / "generation_config.json"
    said = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({**said, **wishes}), "utf-8")
    assert EXPECTED == shown(answers("itax-hf", str(tmp_path / "wishes"), 8))
    assert "repetition_penalty=100.0" in caplog.text


def test_stock_hf_leaks_in_a_batch(checkpoint: Path) -> None:
    """The trap that itax-hf is there for: stock hf drops the special token and keeps what follows it."""
    alone, batched = (answers("hf", str(checkpoint), batch) for batch in (1, 8))
    assert "    x = 1\n" == alone[0]["text"]
    assert batched[0]["text"].startswith("    x = 1\nAFTERAFTER2")


def test_facts_survive_lm_eval_s_response_cache() -> None:
    """The cache pickles answers; text and facts come back."""
    made = Generation("x", tokens=3, finish="length", seconds=0.5, leaks=1)
    again = pickle.loads(pickle.dumps(made))
    assert ("x", made.facts()) == (again, again.facts())


def test_a_token_numbered_zero_is_kept_of_a_checkpoint_s_wishes() -> None:
    """Nothing is said of it aloud either: it is no wish."""
    from transformers import GenerationConfig

    from itax_tasks.models.hf import tokens_only

    kept = tokens_only(GenerationConfig(eos_token_id=[0, 2], pad_token_id=0, top_p=0.5), "name")
    assert ([0, 2], 0, None) == (kept.eos_token_id, kept.pad_token_id, kept.top_p)
