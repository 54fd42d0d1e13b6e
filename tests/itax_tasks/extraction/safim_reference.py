"""SAFIM's two tree-sitter rules, written slowly from their definition: every candidate parsed and walked afresh.

No code is shared with `itax_tasks.extraction`: node types are compared as text, both trees are walked by their
children, and nothing is kept from one candidate to the next.
"""

from __future__ import annotations

from typing import Any

import tree_sitter
import tree_sitter_c_sharp
import tree_sitter_cpp
import tree_sitter_java
import tree_sitter_python

GRAMMARS: dict[str, Any] = {
    "python": tree_sitter_python,
    "java": tree_sitter_java,
    "cpp": tree_sitter_cpp,
    "csharp": tree_sitter_c_sharp,
}


def walk(language: str, source: bytes) -> tuple[int, list[tuple[bool, str]]]:
    """(ERROR nodes that are not a lone `;`, every node's type as it is entered and left)."""
    parser = tree_sitter.Parser(tree_sitter.Language(GRAMMARS[language].language()))
    errors, steps = 0, []
    todo: list[tuple[Any, bool]] = [(parser.parse(source).root_node, True)]
    while todo:
        node, entering = todo.pop()
        steps.append((entering, node.type))
        if not entering:
            continue
        if node.type == "ERROR" and node.text.decode("utf-8") != ";":
            errors += 1
        todo.append((node, False))
        todo.extend((child, True) for child in reversed(node.children))
    return errors, steps


def until_block(language: str, before: str, after: str, answer: str) -> str:
    """Drop last lines until the file parses and the tree of the empty file surrounds what the answer adds."""
    lines = answer.splitlines(keepends=True)
    while lines:
        errors, found = walk(language, (before + "".join(lines) + after).encode("utf-8"))
        if errors == 0:
            filler = "pass" if language == "python" else ""
            empty_errors, empty = walk(language, (before + filler + after).encode("utf-8"))
            if empty_errors == 0 and len(empty) <= len(found):
                start = 0
                while start < len(empty) and start < len(found) and empty[start] == found[start]:
                    start += 1
                end = 0
                while end < len(empty) and end < len(found) and empty[-1 - end] == found[-1 - end]:
                    end += 1
                left = len(empty) - start - end
                if left == (4 if language == "python" else 0):
                    return "".join(lines)
        lines.pop()
    return ""


def until_parsable(language: str, before: str, after: str, answer: str) -> str:
    """Drop last lines until the file parses."""
    lines = answer.splitlines(keepends=True)
    while lines and walk(language, (before + "".join(lines) + after).encode("utf-8"))[0] > 0:
        lines.pop()
    return "".join(lines)
