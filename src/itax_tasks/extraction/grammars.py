"""The tree-sitter parsers of SAFIM's four languages, loaded when first needed.

The grammars come as wheels (extra `safim`); `versions` goes into every record of a task that uses them, because another
grammar can draw another tree. SAFIM's own set-up builds unpinned checkouts of the same four grammars.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from typing import TYPE_CHECKING

from itax_metrics.errors import MissingExtraError

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

MODULES: Mapping[str, str] = {
    "python": "tree_sitter_python",
    "java": "tree_sitter_java",
    "cpp": "tree_sitter_cpp",
    "csharp": "tree_sitter_c_sharp",
}


@lru_cache(maxsize=8)
def parser(language: str) -> Parser:
    """The parser of a language.

    Raises:
        MissingExtraError: tree-sitter or the grammar is not installed.
    """
    try:
        import tree_sitter

        grammar = importlib.import_module(MODULES[language])
    except ImportError as error:
        raise MissingExtraError("SAFIM (syntax-aware truncation by tree-sitter)", "safim") from error
    return tree_sitter.Parser(tree_sitter.Language(grammar.language()))


def require() -> None:
    """Load all four parsers, so that a missing one is found before anything is generated.

    Raises:
        MissingExtraError: tree-sitter or a grammar is not installed.
    """
    for language in MODULES:
        parser(language)


def versions() -> dict[str, str]:
    """The versions of tree-sitter and the four grammars."""
    packages = ("tree-sitter", *(module.replace("_", "-") for module in MODULES.values()))
    return {package: metadata.version(package) for package in packages}


def parse(language: str, source: bytes) -> Tree:
    """The syntax tree of a whole file."""
    return parser(language).parse(source)


def has_errors(tree: Tree) -> bool:
    """True where the tree holds an ERROR node that is not a lone `;`; missing tokens do not count.

    The definition is SAFIM's; only subtrees that are known to hold a mistake are looked at.
    """
    open_nodes: list[Node] = [tree.root_node] if tree.root_node.has_error else []
    while open_nodes:
        node = open_nodes.pop()
        if node.type == "ERROR" and node.text != b";":
            return True
        open_nodes.extend(child for child in node.children if child.has_error)
    return False


def trace(language: str, tree: Tree) -> list[int]:
    """The types of all nodes, anonymous ones included, as a walk enters and leaves them.

    Two numbers a node: twice its type on entering, one more on leaving. Equal numbers mean equal type names.
    """
    types = _types(language)
    cursor = tree.walk()
    steps: list[int] = []
    step, down, across, up = steps.append, cursor.goto_first_child, cursor.goto_next_sibling, cursor.goto_parent
    path: list[int] = []
    while True:
        node = cursor.node
        assert node is not None
        kind = types[node.kind_id]
        step(kind)
        if down():
            path.append(kind)
            continue
        step(kind + 1)
        while not across():
            if not up():
                return steps
            step(path.pop() + 1)


@lru_cache(maxsize=8)
def _types(language: str) -> dict[int, int]:
    """Node type id -> twice the smallest id of that name; the ERROR type, which has an id of its own, included."""
    grammar = parser(language).language
    assert grammar is not None
    first: dict[str | None, int] = {}
    found = {}
    for number in (*range(grammar.node_kind_count), _ERROR_ID):
        name = "ERROR" if number == _ERROR_ID else grammar.node_kind_for_id(number)
        found[number] = 2 * first.setdefault(name, number)
    return found


_ERROR_ID = 65535
