"""Parsers, errors and traces; and what a machine without tree-sitter is told."""

from __future__ import annotations

import sys

import pytest

from itax_metrics.errors import MissingExtraError
from itax_tasks.extraction import grammars
from itax_tasks.settings import Settings
from itax_tasks.tasks import TASKS


def test_a_missing_grammar_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """At task build, before anything is generated."""
    monkeypatch.setitem(sys.modules, "tree_sitter_cpp", None)
    grammars.parser.cache_clear()
    with pytest.raises(MissingExtraError, match=r"itax-tasks\[safim\]"):
        TASKS["itax_safim"].load(Settings())
    grammars.parser.cache_clear()


class TestTrees:
    """What the rules read off a tree."""

    @pytest.fixture(autouse=True)
    def _installed(self) -> None:
        pytest.importorskip("tree_sitter", reason="the extra `safim` is not installed")

    @pytest.mark.parametrize(
        ("expected", "source"),
        [(False, "int f() { return 1; }"), (True, "int f() { return )1; }"), (True, "class A {{ int ]; }")],
    )
    def test_an_error_anywhere_is_found(self, expected: bool, source: str) -> None:
        """However deep it lies."""
        assert expected is grammars.has_errors(grammars.parse("cpp", source.encode()))

    def test_a_missing_token_is_no_error(self) -> None:
        """The original looks for ERROR nodes only."""
        tree = grammars.parse("java", b"class A { int x = 1 }")
        assert tree.root_node.has_error
        assert not grammars.has_errors(tree)

    def test_a_trace_enters_and_leaves_every_node(self) -> None:
        """Two steps a node, the first and the last of the root."""
        tree = grammars.parse("python", b"x = f(1)\n")
        steps = grammars.trace("python", tree)
        assert 2 * tree.root_node.descendant_count == len(steps)
        assert steps[0] + 1 == steps[-1]

    def test_types_of_one_name_are_one(self) -> None:
        """The keyword `pass` and a statement differ; two nodes of one name do not, named or not."""
        grammar = grammars.parser("python").language
        assert grammar is not None
        types = grammars._types("python")
        names = {number: grammar.node_kind_for_id(number) for number in range(grammar.node_kind_count)}
        assert len(set(names.values())) == len({types[number] for number in names})
