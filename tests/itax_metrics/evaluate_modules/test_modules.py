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
from itax_metrics.evaluate_modules import MODULES, WITHOUT, compute, path, source

LOAD_ALL = """
import json, sys, evaluate
from itax_metrics.evaluate_modules import BESIDE_THE_TRUTH, MODULES, path
found = {}
for name in MODULES:
    answers = ["x = 1", "```python\\ndef f(): pass\\n```"]
    beside = {"references": ["x = 1", "pass"]} if name in BESIDE_THE_TRUTH else {}
    found[name] = evaluate.load(path(name)).compute(predictions=answers, **beside)
found["beside"] = evaluate.load(path("edit_similarity")).compute(predictions=["ab"], references=["ac"])
found["place"] = evaluate.load(path("echo_suffix")).compute(
    predictions=["a = 1\\nreturn total"], prefixes=["def f():\\n"], suffixes=["\\nreturn total\\n"]
)
answers, passed = ["a", "(", "b"], [True, False, False]
found["failed"] = evaluate.load(path("ctr_given_failed")).compute(predictions=answers, passed=passed)
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


def test_the_files_are_those_of_the_registry() -> None:
    """`python -m itax_metrics.evaluate_modules` was run after the last change, and no folder is left over."""
    assert {name: source(name) for name in MODULES} == {
        name: (Path(path(name)) / f"{name}.py").read_text("utf-8") for name in MODULES
    }
    folders = {folder.parent.name for folder in Path(path("ctr")).parent.glob("*/*.py")}
    assert set(MODULES) == folders
    processed = {behavior.name for behavior in BUILTIN if behavior.name.endswith("_processed")}
    assert {behavior.name for behavior in BUILTIN} == {*MODULES, *WITHOUT, *processed}


def test_lists_of_different_lengths_are_refused() -> None:
    """Named, with both lengths."""
    with pytest.raises(ConfigError, match="ctr: 2 predictions, but 1 passed"):
        compute(BUILTIN[0], ["a", "b"], passed=[True])


def test_a_module_that_does_not_exist_is_refused() -> None:
    """With those there are."""
    with pytest.raises(ConfigError, match="no evaluate module 'charm'"):
        path("charm")
