"""The paper's measures on the benchmarks' own 22,846 answers: alike on every Python, from the tokens of 3.11."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.behaviors import items
from tests.itax_metrics.behavior.test_lexer import comparable, on_311, ours, reference

ROOT = Path(__file__).resolve().parents[2]
DIGEST = "4efafebea51b7493"
"""Of `ctr`, `nl` and `def_cls` of every canonical answer."""
NL = (
    "hefim 0.00, safim_api 1.61, safim_block 0.06, safim_control 0.01, classeval_lines 0.59, classeval_methods 0.25, "
    "bigcodebench 2.63"
)
"""False alarms of `nl`, in percent."""


def interpreters(version: str) -> Iterator[str]:
    """Pythons of that version on this machine: on the path, or below pyenv's root."""
    if found := shutil.which(f"python{version}"):
        yield found
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted((root / "versions").glob(f"{version}.*/bin/python")))


@pytest.mark.parametrize("version", ["3.10", "3.11", "3.12", "3.13"])
def test_the_measures_do_not_depend_on_the_interpreter(version: str, data_dir: Path) -> None:
    """One digest over all answers, and the same false alarms, without any package installed."""
    for python in interpreters(version):
        told = subprocess.run(
            [python, "-S", "-m", "benchmarks.behaviors", "--digest"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "ITAX_DATA_DIR": str(data_dir)},
            capture_output=True,
            text=True,
        )
        # A shim of pyenv may stand on the path for a version that is not active.
        if told.returncode == 0 and f"CPython {version}" in told.stdout:
            assert NL == re.search(r"nl in percent: (.*)", told.stdout)[1]  # type: ignore[index]
            assert f"sha256 of ctr, nl, def_cls: {DIGEST}\n" in told.stdout
            return
    pytest.skip(f"no Python {version} on this machine")


@on_311
def test_token_for_token_the_standard_library_s(data_dir: Path) -> None:
    """Kind, text and place of every token of every canonical answer, and the error where there is one."""
    assert data_dir
    texts = [item.truth for _, item in items()]
    assert 22_846 == len(texts)
    assert [] == [text for text in dict.fromkeys(texts) if comparable(reference(text)) != comparable(ours(text))]
