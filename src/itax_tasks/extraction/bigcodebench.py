"""BigCodeBench's clean-up: an answer cut down to the entry point and what it uses, behind the prompt's head.

Source: `sanitize.py` and `evaluate.py` of bigcode-project/bigcodebench, restated. The official tool reads the tree with
tree-sitter; what it reads has just been parsed by `ast`, so the standard library serves here.
"""

from __future__ import annotations

import ast
import re
import warnings

from itax_metrics.records import Item
from itax_tasks.extraction.definitions import Source, is_import, name_of, reached_from
from itax_tasks.extraction.fences import fenced_code
from itax_tasks.extraction.lenient import lenient
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


def bigcodebench_lenient(item: Item, answer: str) -> str:
    """An answer however it is put: a whole program, fenced or not, or what follows the prompt, fenced or echoed.

    A program is told by its definition of the entry point at the left margin; anything else goes behind the prompt.
    """
    text, entry_point = answer.replace("\t", "    "), item.payload["entry_point"]
    for program in (fenced_code(text), text):
        if _is_program(program, entry_point):
            return sanitized(program, entry_point)
    return sanitized(item.prefix + lenient(item, text), entry_point)


def bigcodebench_calibrate(item: Item, solution: str) -> str:
    """Imports and signature of the prompt with an empty body, then the solution, which defines the function again.

    A solution that has them already, as in the official file of results, stays as it is.
    """
    head = calibration(item)
    return solution if solution.startswith(head) else head + solution


def calibration(item: Item) -> str:
    """What calibration puts in front: the prompt's imports and signature, and a body that does nothing."""
    return f"{item.payload['code_prompt']}\n    pass\n"


def _is_program(text: str, entry_point: str) -> bool:
    """A text that begins at the left margin and defines the entry point there; a continuation begins indented."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    defined = re.search(rf"^(?:async\s+)?def\s+{re.escape(entry_point)}\b", text, re.MULTILINE)
    return not first.startswith(" ") and defined is not None


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
    source = Source(code)
    imports: list[str] = []
    definitions: dict[str | None, ast.stmt] = {}
    for node in tree.body:
        if is_import(node):
            imports.append(source.of(node))
            continue
        if _is_definition(node):
            definitions.setdefault(name_of(node), node)
    reached = reached_from(entry_point, definitions)
    kept = [source.of(node) for name, node in definitions.items() if name in reached]
    return _without_trailing_calls("\n".join([*imports, *kept]), entry_point) or code


def _is_definition(node: ast.stmt) -> bool:
    """Unlike EvalPlus's, a function needs no `return`; one with a decorator is none to either."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return not node.decorator_list
    return isinstance(node, (ast.Assign, ast.AnnAssign))


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
