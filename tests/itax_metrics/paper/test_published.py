"""The tables as data, and how printed figures are read."""

from __future__ import annotations

import doctest
from fractions import Fraction

import pytest

from itax_metrics.errors import ConfigError
from itax_metrics.paper import beside, rounding
from itax_metrics.paper.published import SIZES, TITLES, score, table
from itax_metrics.paper.rounding import counts_behind


@pytest.mark.parametrize(
    ("number", "rows", "figures"),
    [
        ("1", 9, 9),
        ("2", 8, 60),
        ("3", 6, 45),
        ("4", 35, 140),
        ("5", 4, 48),
        ("6", 4, 32),
        ("7", 14, 168),
        ("8", 13, 143),
    ],
)
def test_every_cell_has_a_source(number: str, rows: int, figures: int):
    """Rows and figures of each table, each figure with table, row and column."""
    content = table(number).to_dict()
    assert rows == len(table(number).rows)
    assert figures == len(content["cells"])
    assert all({"table", "row", "column", "printed"} == set(cell) for cell in content["cells"])
    assert figures == len({(cell["row"], cell["column"]) for cell in content["cells"]})


def test_figures_by_place():
    """Spot checks in each family."""
    assert 57.38 == score("Qwen2.5-Coder", "32b", "instruct", "SAFIM")
    assert 11.02 == score("DeepSeek-Coder", "33b", "instruct", "SAFIM")
    assert 17.41 == table("7").value("DeepSeek-Coder 33B-Instruct", "Infilling Def/Cls")
    assert 13.10 == table("7_artifact").value("DeepSeek-Coder 33B-Instruct", "Infilling Def/Cls")
    assert 78.0 == table("8").value("110k 100", "HumanEval+")


def test_sizes_are_table_1():
    """The item counts used everywhere are those printed."""
    assert {row["benchmark"]: int(row["size"]) for row in table("1").rows}.items() <= SIZES.items()


def test_unknown_places_are_refused():
    """A table, row or column that is not there is named."""
    with pytest.raises(ConfigError, match=r"no table '11'.*1, 2, 3"):
        table("11")
    with pytest.raises(ConfigError, match="row '9b', column 'HEFIM'"):
        table("2").value("9b", "HEFIM")
    assert "9" in TITLES


@pytest.mark.parametrize("module", [rounding, beside])
def test_worked_examples_hold(module):
    """The examples in the docstrings."""
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_counts_behind_are_exactly_those_that_print_so():
    """Against a search over all counts."""
    for printed, n in (("74.93", 2557), ("39.61", 17720), ("58.83", 396), ("39.74", 1140)):
        figure = Fraction(printed)
        every = [
            k
            for k in range(n + 1)
            if figure in (Fraction(f"{100 * k / n:.2f}"), Fraction(int(Fraction(10000 * k, n)), 100))
        ]
        assert every == list(counts_behind(printed, n))
