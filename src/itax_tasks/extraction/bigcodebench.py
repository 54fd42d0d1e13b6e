"""BigCodeBench's clean-up: the code of an answer, cut down to the entry point and what it uses.

Source: `sanitize.py` of bigcode-project/bigcodebench, restated. The official tool reads the tree with tree-sitter; what
it reads has just been parsed by `ast`, so the standard library serves here.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

from itax_metrics.records import Item
from itax_tasks.extraction.longest_code import longest_code


def bigcodebench_chat(item: Item, answer: str) -> str:
    """An answer that holds the whole program; the official decoder writes four blanks for a tab."""
    return sanitized(answer.replace("\t", "    "), item.payload["entry_point"])


def bigcodebench_direct(item: Item, answer: str) -> str:
    """An answer that goes on where the prompt ends."""
    return sanitized(item.prefix + answer.replace("\t", "    "), item.payload["entry_point"])


def bigcodebench_program(item: Item, program: str) -> str:
    """A whole program as the official generator stores it."""
    return sanitized(program, item.payload["entry_point"])


def sanitized(text: str, entry_point: str) -> str:
    """Imports first, then the first definition of each name that the entry point reaches; trailing calls cut off.

    Where nothing is left, the longest run of lines that parses stands.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"
    code = longest_code(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return code
    source = _Source(code)
    imports, definitions = [], {}
    for node in tree.body:
        if _is_import(node):
            imports.append(source.of(node))
            continue
        found, name = _definition(node)
        if found and name not in definitions:
            definitions[name] = node
    reached = _reached(entry_point, definitions)
    kept = [source.of(node) for name, node in definitions.items() if name in reached]
    return _without_trailing_calls("\n".join([*imports, *kept]), entry_point) or code


class _Source:
    """Text of nodes; decorators are left out, as they stand outside of a definition."""

    def __init__(self, code: str) -> None:
        # The columns of ast count bytes.
        self._lines = [line.encode("utf-8", "surrogatepass") for line in code.split("\n")]

    def of(self, node: ast.stmt) -> str:
        """A node as it is written, with the comments at its end if it is a definition."""
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
                if not (line.startswith(b" ") and line.lstrip().startswith(b"#")):
                    break
                end = at
        return self._lines[last + 1 : end]


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__")


def _definition(node: ast.stmt) -> tuple[bool, str | None]:
    """(True, name) for what the official tool takes as a definition."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return not node.decorator_list, node.name
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets[:1] if isinstance(node, ast.Assign) else [node.target]
        # The first plain name on either side: `a.b = c` is filed under c.
        sides = [*targets, *([node.value] if node.value is not None else [])]
        return True, next((side.id for side in sides if isinstance(side, ast.Name)), None)
    return False, None


def _reached(entry_point: str, definitions: dict[str | None, ast.stmt]) -> set[str | None]:
    reached: set[str | None] = {entry_point}
    waiting = [entry_point]
    while waiting:
        node = definitions.get(waiting.pop())
        for name in set(_identifiers(node)) if node is not None else ():
            if name not in reached:
                reached.add(name)
                waiting.append(name)
    return reached


def _identifiers(node: ast.AST) -> Iterator[str]:
    """Every identifier that is written in a node, whatever it stands for."""
    for inner in ast.walk(node):
        for _, value in ast.iter_fields(inner):
            values = value if isinstance(value, list) else [value]
            if not isinstance(inner, ast.Constant):
                for text in values:
                    if isinstance(text, str):
                        yield from text.split(".")


def _without_trailing_calls(code: str, entry_point: str) -> str:
    """Walk up the unindented lines at the end; cut at the first of them that mentions the entry point."""
    lines = code.splitlines()
    cut = None
    for number in range(len(lines) - 1, -1, -1):
        if lines[number].startswith(" "):
            break
        if entry_point in lines[number]:
            cut = number
    return code if cut is None else "\n".join(lines[:cut])
