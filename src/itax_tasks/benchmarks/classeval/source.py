"""ClassEval's classes as the three tasks need them: the solution's methods, their skeletons, their test classes.

Source: Du et al. 2023, https://github.com/FudanSELab/ClassEval; 100 classes, 412 methods beside constructors, 502 test
classes. The rules of the paper's two derivations (which lines, which methods) are those that give its counts.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from itax_metrics.errors import DataError
from itax_tasks import data
from itax_tasks.settings import Settings

FILE = "ClassEval_data.json.gz"
_QUOTES = '"""'
METHOD_INDENT = 4
BODY_INDENT = 8


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a solution; lines are counted from 0."""

    name: str
    first: int
    """Line of its first decorator, or of `def`."""
    definition: int
    """Line of `def`; every definition is one line long."""
    end: int
    """The line after its last one."""
    signature: str
    """The solution's decorators and the skeleton's `def` line, newlines included; empty where there is no skeleton."""
    docstring: str
    """The skeleton's docstring with its quotes, at the indentation of a body, and a newline; empty as above."""
    test_class: str | None
    """The unittest class the benchmark gives this method; None for the two that have none."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One class of the benchmark."""

    task_id: str
    name: str
    solution: str
    skeleton: str
    imports: str
    tests: str
    """The whole test module."""
    test_classes: tuple[str, ...]
    """As published: one of the 502 names begins with a blank, so the official runner never finds it."""
    methods: tuple[Method, ...]
    """All but the constructor, in the solution's order."""
    parses: bool
    """False for the skeletons Python cannot read, or finds no class in (ClassEval_5, 22, 43, 46)."""

    @property
    def lines(self) -> list[str]:
        """The solution's lines, newlines kept."""
        return self.solution.splitlines(keepends=True)


def load_problems(settings: Settings) -> tuple[tuple[Problem, ...], dict[str, Any]]:
    """All classes in the official order, and the record of the file they came from.

    Raises:
        DataError: the file is missing, altered, or a row lacks a field.
    """
    found = data.load("classeval", FILE, settings)
    record = {key: found.record[key] for key in ("source", "sha256")}
    return tuple(_problem(row) for row in found.rows), {**record, "rows": 0, "files": [dict(found.record)]}


def _problem(row: Mapping[str, Any]) -> Problem:
    try:
        solution, skeleton = row["solution_code"], row["skeleton"]
        infos = {info["method_name"]: info for info in row["methods_info"]}
        shown = _skeleton_methods(skeleton)
        lines = solution.splitlines(keepends=True)
        methods = []
        for node in _functions(solution):
            info = infos.get(node.name)
            signature, docstring = shown.get(node.name) or _described(info) or ("", "")
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
            # Where a skeleton has decorators they are the solution's; one description leaves its own out.
            signature = signature and "".join(lines[first : node.lineno - 1]) + signature
            methods.append(
                Method(
                    node.name,
                    first,
                    node.lineno - 1,
                    node.end_lineno or node.lineno,
                    signature,
                    docstring,
                    info["test_class"] if info else None,
                )
            )
        return Problem(
            task_id=row["task_id"],
            name=row["class_name"],
            solution=solution,
            skeleton=skeleton,
            imports="\n".join(row["import_statement"]),
            tests=row["test"],
            test_classes=tuple(row["test_classes"]),
            methods=tuple(methods),
            parses=bool(shown),
        )
    except KeyError as missing:
        raise DataError(f"A row of {FILE} has no field {missing}.") from missing


def _functions(source: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The functions that stand directly in a class at the top of a module, but `__init__`."""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            inner = [entry for entry in node.body if isinstance(entry, ast.FunctionDef | ast.AsyncFunctionDef)]
            found += [entry for entry in inner if entry.name != "__init__"]
    return found


def _skeleton_methods(skeleton: str) -> dict[str, tuple[str, str]]:
    """Name to (signature, docstring); empty where the skeleton cannot be read."""
    try:
        functions = _functions(skeleton)
    except SyntaxError:
        return {}
    lines = skeleton.splitlines(keepends=True)
    return {node.name: _parts(node, lines) for node in functions}


def _described(info: Mapping[str, Any] | None) -> tuple[str, str] | None:
    """(`def` line, docstring) from a method's description, for the classes whose skeleton cannot be read.

    Curly quotes become straight ones, and the one docstring that is never closed (ClassEval_22 `register_class`) is.
    """
    if info is None:
        return None
    lines = str(info["method_description"]).strip().splitlines()
    at = next(number for number, line in enumerate(lines) if line.lstrip().startswith("def "))
    text = textwrap.dedent("\n".join(lines[at + 1 :])).strip("\n").rstrip()
    for curly in "“”":
        text = text.replace(curly, '"')
    if text.count(_QUOTES) % 2:
        text += f"\n{_QUOTES}"
    return f"{' ' * METHOD_INDENT}{lines[at].strip()}\n", textwrap.indent(f"{text}\n", " " * BODY_INDENT)


def _parts(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> tuple[str, str]:
    """(`def` line, docstring) of a skeleton's method, whose body is its docstring."""
    documented = node.body[0]
    text = "".join(lines[documented.lineno - 1 : documented.end_lineno])
    if not text.endswith("\n"):
        text += "\n"
    # ClassEval_73 `level_up` stands one blank too far right: no body at the usual place could follow it.
    return lines[node.lineno - 1], text.removeprefix(" " * (documented.col_offset - BODY_INDENT))
