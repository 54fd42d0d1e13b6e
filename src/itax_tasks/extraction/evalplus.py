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

from itax_metrics.records import Item
from itax_tasks.extraction.definitions import Source, is_import, name_of, reached_from
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
    source = Source(code)
    imports: list[str] = []
    definitions: dict[str | None, ast.stmt] = {}
    for node in tree.body:
        if is_import(node):
            imports.append(source.of(node))
        elif _is_definition(node):
            definitions.setdefault(name_of(node), node)
    reached = reached_from(entry_point, definitions)
    kept = [source.of(node) for name, node in definitions.items() if name in reached]
    return "\n".join([*imports, *kept]).strip() or code


def _is_definition(node: ast.stmt) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return not node.decorator_list and any(isinstance(inner, ast.Return) for inner in ast.walk(node))
    if isinstance(node, ast.ClassDef):
        return not node.decorator_list
    return isinstance(node, (ast.Assign, ast.AnnAssign))
