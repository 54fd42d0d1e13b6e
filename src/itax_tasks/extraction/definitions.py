"""The definitions of a module as EvalPlus's and BigCodeBench's sanitizers see them, read with `ast`.

Both official tools (`sanitize.py`) read the tree with tree-sitter; what they read has just been parsed by `ast`, so the
standard library serves here. What they differ in, which definitions count and what is cut at the end, stays with each.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping


def is_import(node: ast.stmt) -> bool:
    """True for what is always kept; a `__future__` import is none to tree-sitter."""
    return isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__")


def name_of(node: ast.stmt) -> str | None:
    """The name a definition is filed under."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        # The first target and what stands right of it: `a.b = c` is filed under c, `a = b = c` under a.
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        sides = [targets[0], *([node.value] if node.value is not None and len(targets) == 1 else [])]
        return next((side.id for side in sides if isinstance(side, ast.Name)), None)
    return None


def reached_from(entry_point: str, definitions: Mapping[str | None, ast.stmt]) -> set[str | None]:
    """The names the entry point mentions, directly or through other definitions, itself included."""
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


_LINE_END = re.compile(r"(\n|\r(?!\n))")
"""A carriage return by itself ends a line of Python too."""


class Source:
    """The text of nodes; the columns of `ast` count bytes."""

    def __init__(self, code: str) -> None:
        pieces = [piece.encode("utf-8", "surrogatepass") for piece in _LINE_END.split(code)]
        self._lines, self._ends = pieces[::2], [*pieces[1::2], b""]

    def of(self, node: ast.stmt) -> str:
        """A node as it is written, with the comments at its end if it is a function or class."""
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        lines = self._lines[first : last + 1]
        behind = lines[-1][node.end_col_offset :]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            # tree-sitter takes them for a part of the body.
            below = self._comments_below(last)
            if behind.lstrip().startswith(b"#") or (below and not behind.strip()):
                lines[-1] += behind
            lines += below
        ends = [*self._ends[first : first + len(lines) - 1], b""]
        whole = b"".join(part for line in zip(lines, ends, strict=True) for part in line)
        return whole.decode("utf-8", "surrogatepass")

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
