"""The names of the bundled pair stand for its folders, on a command line and in a report."""

from __future__ import annotations

from pathlib import Path

import pytest

from itax_metrics.errors import ConfigError
from itax_tasks.tune.tiny import NAMES, bundled, name_of, with_folders

BASE = bundled("itax-tiny-base")


def test_an_unknown_name_is_refused() -> None:
    """The message names the two there are."""
    with pytest.raises(ConfigError, match="itax-tiny-base and itax-tiny-instruct"):
        bundled("itax-tiny-chat")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("pretrained=itax-tiny-base", f"pretrained={BASE}"),
        ("pretrained=itax-tiny-base,dtype=float32", f"pretrained={BASE},dtype=float32"),
        ("dtype=float32,pretrained=itax-tiny-base", f"dtype=float32,pretrained={BASE}"),
        ("--model_args=pretrained=itax-tiny-base", f"--model_args=pretrained={BASE}"),
    ],
)
def test_a_name_becomes_the_folder(typed: str, meant: str) -> None:
    """Wherever `pretrained=` stands among the model arguments."""
    assert ["--model", "hf", meant] == with_folders(["--model", "hf", typed])


@pytest.mark.parametrize(
    "argument",
    ["itax-tiny-base", "pretrained=itax-tiny-base-2", "pretrained=me/itax-tiny-base", "tokenizer=itax-tiny-base"],
)
def test_nothing_else_is_touched(argument: str) -> None:
    """Only the two names, whole, as `pretrained`."""
    assert [argument] == with_folders([argument])


def test_a_folder_of_the_pair_is_shown_by_its_name(tmp_path: Path) -> None:
    """And any other model as it was given."""
    assert list(NAMES) == [name_of(str(bundled(name))) for name in NAMES]
    for other in ("Qwen/Qwen2.5-Coder-7B", str(tmp_path / "weights" / "base"), "base"):
        assert other == name_of(other)
