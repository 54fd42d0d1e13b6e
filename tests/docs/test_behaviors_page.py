"""docs/behaviors.md against the registry and the rules."""

from __future__ import annotations

from pathlib import Path

from itax_metrics.behavior import BUILTIN
from itax_metrics.failures.taxonomy import Category
from itax_tasks.rescue import ORACLE, SAFEGUARDS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "behaviors.md").read_text("utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, its head left out."""
    lines = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]


def test_every_measure_stands_in_the_table_as_it_is() -> None:
    """Name, unit, whether it is core, and what it says, in the registry's order."""
    listed = [[f"`{b.name}`", b.unit, "yes" if b.core else "no", b.about] for b in BUILTIN]
    assert listed == rows("The measures")


def test_every_category_has_its_rule() -> None:
    """The closed list."""
    assert {f"`{category.value}`" for category in Category} == {row[0] for row in rows("Failure categories")}


def test_every_safeguard_is_explained() -> None:
    """In the order of the code; the bound is spoken of in the text."""
    assert [f"`{name}`" for name in SAFEGUARDS] == [row[0] for row in rows("Rescue and routing")]
    assert f"`{ORACLE}`" in PAGE
