"""The house rules that a reader relies on: who may import whom, and that importing is cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import itax_metrics
import itax_tasks

SRC = Path(itax_metrics.__file__).resolve().parents[1]

RULES = {
    "lm_eval": ("itax_tasks/harness/", "itax_tasks/models/", "itax_tasks/cli/doctor.py"),
    "click": ("itax_tasks/cli/",),
    "subprocess": ("itax_metrics/execution/",),
    "vl_convert": ("itax_metrics/report/png.py",),
    "jinja2": ("itax_metrics/report/",),
    "evaluate": ("itax_metrics/evaluate_modules/",),
    "itax_tasks": ("itax_tasks/",),
    "torch": ("itax_tasks/models/", "itax_tasks/tune/"),
    "transformers": (
        "itax_tasks/models/",
        "itax_tasks/tune/",
        "itax_tasks/harness/model_context.py",
        "itax_tasks/cli/tokenizers.py",
    ),
    "vllm": ("itax_tasks/models/",),
    "sglang": ("itax_tasks/models/",),
    "tree_sitter": ("itax_tasks/extraction/grammars.py",),
}
"""Package -> the places that may import it."""


def modules() -> Iterator[Path]:
    """Every source file of the two packages, the YAML link left out."""
    for package in ("itax_metrics", "itax_tasks"):
        yield from sorted(path for path in (SRC / package).rglob("*.py") if "task_yamls" not in path.parts)


def imported(path: Path) -> set[str]:
    """The top-level packages a file imports anywhere, functions included; imports for types do not count."""
    tree = ast.parse(path.read_text("utf-8"))
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", sorted(RULES))
def test_packages_are_imported_only_where_they_belong(package: str) -> None:
    """Each outside world is met in one place."""
    allowed = RULES[package]
    offenders = [
        place
        for path in modules()
        if package in imported(path)
        and not (place := path.relative_to(SRC).as_posix()).startswith(allowed)
        and "_autoload" not in place
    ]
    assert [] == offenders


def test_benchmarks_never_import_a_sibling() -> None:
    """A benchmark file can be read, and deleted, alone."""
    folder = SRC / "itax_tasks" / "benchmarks"
    parts = [path for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()]
    names = {path.stem for path in parts} - {"__init__", "base"}
    for path in folder.rglob("*.py"):
        own = path.relative_to(folder).parts[0].removesuffix(".py")
        if own == "__init__":
            continue
        text = path.read_text("utf-8")
        others = names - {own}
        assert not [name for name in others if f"benchmarks.{name}" in text or f"benchmarks import {name}" in text]


@pytest.mark.parametrize("package", ["itax_metrics", "itax_tasks"])
def test_importing_a_package_pulls_in_nothing_heavy(package: str) -> None:
    """`import itax_metrics` and `import itax_tasks` load no host, no model library and no array library."""
    heavy = ("lm_eval", "torch", "transformers", "datasets", "numpy", "scipy", "vl_convert", "click", "vllm")
    code = f"import sys, {package}; print([name for name in {heavy!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == shown.stdout.strip()


@pytest.mark.parametrize("package", [itax_metrics, itax_tasks])
def test_every_public_name_resolves_twice(package: object) -> None:
    """Each name of `__all__` is there, and stays the same object after the first use."""
    names: list[str] = package.__all__  # type: ignore[attr-defined]
    assert sorted(names, key=str.lower) == sorted(set(names), key=str.lower)
    assert [getattr(package, name) for name in names] == [getattr(package, name) for name in names]
