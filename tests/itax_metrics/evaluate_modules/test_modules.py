"""The measures as modules of Hugging Face evaluate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from itax_metrics.behavior import BUILTIN
from itax_metrics.errors import ConfigError
from itax_metrics.evaluate_modules import MODULES, compute, compute_figures, path, source

LOAD_ALL = """
import json, sys, evaluate
from itax_metrics.evaluate_modules import BESIDE_THE_TRUTH, FIGURES, MODULES, path
found = {}
for name in set(MODULES) - set(FIGURES):
    answers = ["x = 1", "```python\\ndef f(): pass\\n```"]
    beside = {"references": ["x = 1", "pass"]} if name in BESIDE_THE_TRUTH else {}
    found[name] = evaluate.load(path(name)).compute(predictions=answers, **beside)
found["beside"] = evaluate.load(path("edit_similarity")).compute(predictions=["ab"], references=["ac"])
found["place"] = evaluate.load(path("echo_suffix")).compute(
    predictions=["a = 1\\nreturn total"], prefixes=["def f():\\n"], suffixes=["\\nreturn total\\n"]
)
answers, passed = ["a", "(", "b"], [True, False, False]
found["failed"] = evaluate.load(path("ctr_given_failed")).compute(predictions=answers, passed=passed)
found["tokens"] = evaluate.load(path("tokens")).compute(predictions=[3, 512, None])
found["hit_limit"] = evaluate.load(path("hit_limit")).compute(predictions=[3, 512, None], limit=512)
found["run_seconds"] = evaluate.load(path("run_seconds")).compute(predictions=[0.5, 1.5])
print(json.dumps(found))
"""


def test_every_module_loads_by_path_and_offline(tmp_path: Path) -> None:
    """In a process without network settings of its own and with an empty cache."""
    pytest.importorskip("evaluate", reason="the package evaluate is not installed")
    environ = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "HF_EVALUATE_OFFLINE": "1"}
    shown = subprocess.run([sys.executable, "-c", LOAD_ALL], env=environ, capture_output=True, text=True, check=True)
    found = json.loads(shown.stdout.splitlines()[-1])
    assert {"fence": 0.5, "n": 2} == found["fence"]
    assert {"def_cls": 0.5, "n": 2} == found["def_cls"]
    assert {"echo_prefix": None, "n": 0} == found["echo_prefix"]
    assert {"edit_similarity": 0.5, "n": 1} == found["beside"]
    assert {"echo_suffix": 1.0, "n": 1} == found["place"]
    assert {"ctr_given_failed": 0.5, "n": 2} == found["failed"]
    assert {"tokens": 257.5, "n": 2} == found["tokens"]
    assert {"hit_limit": 0.5, "n": 2} == found["hit_limit"]
    assert {"run_seconds": 1.0, "n": 2} == found["run_seconds"]


def test_the_files_are_those_of_the_registry() -> None:
    """`python -m itax_metrics.evaluate_modules` was run after the last change, and no folder is left over."""
    assert {name: source(name) for name in MODULES} == {
        name: (Path(path(name)) / f"{name}.py").read_text("utf-8") for name in MODULES
    }
    folders = {folder.parent.name for folder in Path(path("ctr")).parent.glob("*/*.py")}
    assert set(MODULES) == folders
    processed = {behavior.name for behavior in BUILTIN if behavior.name.endswith("_processed")}
    assert {behavior.name for behavior in BUILTIN} == {*MODULES, *processed}


def test_lists_of_different_lengths_are_refused() -> None:
    """Named, with both lengths."""
    with pytest.raises(ConfigError, match="ctr: 2 predictions, but 1 passed"):
        compute(BUILTIN[0], ["a", "b"], passed=[True])


def test_figures_are_measured_as_a_run_measures_them() -> None:
    """An answer of all its tokens hit the limit; one of unknown length has no value."""
    by_name = {behavior.name: behavior for behavior in BUILTIN}
    assert {"hit_limit": 0.5, "n": 2} == compute_figures(by_name["hit_limit"], [511, 512, None], limit=512)
    assert {"tokens": None, "n": 0} == compute_figures(by_name["tokens"], [None])


@pytest.mark.parametrize(("name", "limit"), [("hit_limit", None), ("tokens", 512)])
def test_a_limit_belongs_to_hit_limit(name: str, limit: int | None) -> None:
    """Which needs it, and no other takes it."""
    (behavior,) = (behavior for behavior in BUILTIN if behavior.name == name)
    with pytest.raises(ConfigError, match="`limit`"):
        compute_figures(behavior, [1], limit=limit)


def test_a_figure_below_zero_is_refused() -> None:
    """It is neither tokens nor seconds."""
    (behavior,) = (behavior for behavior in BUILTIN if behavior.name == "tokens")
    with pytest.raises(ConfigError, match="below zero"):
        compute_figures(behavior, [-1])


def test_a_module_that_does_not_exist_is_refused() -> None:
    """With those there are."""
    with pytest.raises(ConfigError, match="no evaluate module 'charm'"):
        path("charm")
