"""EvalPlus's clean-up: the imports of an answer, the function asked for, and what that function uses.

Source: `evalplus/sanitize.py` of evalplus/evalplus at 26d6d00, restated. The official tool reads the tree with
tree-sitter; what it reads has just been parsed by `ast`, so the standard library serves here. Its ways are kept: what
is decorated, `from __future__` and functions without a `return` are dropped, of two definitions the first stays, and a
definition that is not plainly named is filed under the first name on either side of it.

Covered: compared with the official tool, text for text, by `tests/official/test_evalplus_sanitizer.py`.
Not covered: a single line that is no Python, of which the official tool may keep what tree-sitter makes of it.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Mapping

from itax_metrics.records import Item
from itax_tasks.extraction.longest_code import longest_code

_ANSI = re.compile(r"\x1B(?:[@-Z\\-_]|\[[0-?]*[ -/]*[@-~])")
"""Escape sequences of terminals, which small models write through some servers."""


def evalplus_answer(item: Item, answer: str) -> str:
    """An answer that holds the whole program; the official decoder writes four blanks for a tab."""
    return sanitized(_without_tabs(answer), item.payload["entry_point"])


def evalplus_continuation(item: Item, answer: str) -> str:
    """An answer that goes on where the prompt ends: behind the newline that follows its last character."""
    return sanitized(item.prefix.strip() + "\n" + _without_tabs(answer), item.payload["entry_point"])


def evalplus_program(item: Item, program: str) -> str:
    """A whole program as the official generator stores it."""
    return sanitized(program, item.payload["entry_point"])


def magicoder_fence(item: Item, answer: str) -> str:
    """An answer up to the end of its code block, which the prompt has opened; behind the problem's own text.

    Source: `experiments/text2code.py` of ise-uiuc/magicoder, with the join of EvalPlus's `evaluate.py`.
    """
    return item.prefix + answer.split("```", 1)[0]


def _without_tabs(answer: str) -> str:
    return answer.replace("\t", "    ")


def sanitized(text: str, entry_point: str) -> str:
    """Imports first, then the first definition of each name that the entry point reaches.

    Where nothing is left, the longest run of lines that parses stands as it is.
    """
    code = longest_code(_ANSI.sub("", text))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return code
    source = _Source(code)
    imports: list[str] = []
    definitions: dict[str | None, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__"):
            imports.append(source.of(node))
        elif _is_definition(node):
            definitions.setdefault(_name(node), node)
    reached = _reached(entry_point, definitions)
    kept = [source.of(node) for name, node in definitions.items() if name in reached]
    return "\n".join([*imports, *kept]).strip() or code


def _is_definition(node: ast.stmt) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return not node.decorator_list and any(isinstance(inner, ast.Return) for inner in ast.walk(node))
    if isinstance(node, ast.ClassDef):
        return not node.decorator_list
    return isinstance(node, (ast.Assign, ast.AnnAssign))


def _name(node: ast.stmt) -> str | None:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        # The first target and what stands right of it: `a.b = c` is filed under c, `a = b = c` under a.
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        sides = [targets[0], *([node.value] if node.value is not None and len(targets) == 1 else [])]
        return next((side.id for side in sides if isinstance(side, ast.Name)), None)
    return None


def _reached(entry_point: str, definitions: Mapping[str | None, ast.stmt]) -> set[str | None]:
    reached: set[str | None] = {entry_point}
    waiting = [entry_point]
    while waiting:
        node = definitions.get(waiting.pop())
        for name in _identifiers(node) if node is not None else ():
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return reached


def _identifiers(node: ast.AST) -> Iterator[str]:
    """Every identifier that is written in a node, whatever it stands for."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant):
            continue
        for _, value in ast.iter_fields(inner):
            for text in value if isinstance(value, list) else [value]:
                if isinstance(text, str):
                    yield from text.split(".")


class _Source:
    """The text of nodes; the columns of `ast` count bytes."""

    def __init__(self, code: str) -> None:
        self._lines = [line.encode("utf-8", "surrogatepass") for line in code.split("\n")]

    def of(self, node: ast.stmt) -> str:
        """A node as it is written, with the comments at its end if it is a function or class."""
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        lines = self._lines[first : last + 1]
        behind = lines[-1][node.end_col_offset :]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            # tree-sitter takes them for a part of the body.
            if behind.lstrip().startswith(b"#"):
                lines[-1] += behind
            lines += self._comments_below(last)
        return b"\n".join(lines).decode("utf-8", "surrogatepass")

    def _comments_below(self, last: int) -> list[bytes]:
        """Indented comments that follow a line, with the blank lines before each."""
        end = at = last + 1
        for line in self._lines[last + 1 :]:
            at += 1
            if line.strip():
                if not (line.startswith((b" ", b"\t")) and line.lstrip().startswith(b"#")):
                    break
                end = at
        return self._lines[last + 1 : end]
