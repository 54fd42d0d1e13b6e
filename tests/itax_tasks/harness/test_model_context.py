"""What a task learns of the model from the arguments of different backends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("lm_eval")

from itax_metrics.errors import ConfigError
from itax_tasks.harness.model_context import ModelContext


def test_replay_is_known_by_its_file_of_answers() -> None:
    """A model that reads stored answers takes no prompt."""
    assert "none" == ModelContext.from_metadata({"completions": "a.jsonl"}).takes


@pytest.mark.parametrize(
    ("arguments", "context"),
    [({"max_model_len": 4096}, 4096), ({"max_length": "2048"}, 2048), ({"context_length": 100}, 100), ({}, None)],
)
def test_the_context_is_read_under_every_backend_s_name(arguments: dict[str, object], context: int | None) -> None:
    """vllm, hf and sglang call it differently."""
    assert context == ModelContext.from_metadata(arguments).context


def test_the_context_is_else_the_model_s_own(tmp_path: Path) -> None:
    """Nothing said: the configuration's max_position_embeddings holds."""
    pytest.importorskip("transformers", reason="the extra `hf` is not installed")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2", "max_position_embeddings": 777}))
    assert 777 == ModelContext.from_metadata({"pretrained": str(tmp_path)}).context


def test_an_http_model_is_named_by_model() -> None:
    """API backends say `model=`, not `pretrained=`."""
    found = ModelContext.from_metadata({"model": "served", "tokenizer": "org/tok", "base_url": "http://x"})
    assert ("served", "org/tok") == (found.name, found.tokenizer_name)


def test_a_tokenizer_that_cannot_be_loaded_names_the_argument(tmp_path: Path) -> None:
    """A wrong folder is one message that says which argument to correct."""
    pytest.importorskip("transformers", reason="the extra `hf` is not installed")
    with pytest.raises(ConfigError, match="pretrained="):
        _ = ModelContext.from_metadata({"pretrained": str(tmp_path / "nowhere")}).tokenizer
