"""docs/metrics/: no metric without a page, no page without an example that runs and traps to know."""

from __future__ import annotations

import doctest
import re
from collections import Counter
from pathlib import Path

import pytest
from tests.docs.metric_index import README, declared, pages, reported, rows, table

from itax_metrics.execution import probe

DERIVED = {"pass@1_incomplete", "pass@1_env_ok"}
"""Made from others: no measure of a task and no behaviour."""


def test_every_metric_has_one_page() -> None:
    """Metrics of all tasks and all behaviours of ours; none is invented, none has two pages."""
    found = Counter(metric for metric, *_ in rows())
    assert {*reported(), *DERIVED} == set(found)
    assert {1} == set(found.values())


def test_the_index_is_made_from_the_pages() -> None:
    """`python -m tests.docs.metric_index` mends it."""
    assert README.read_text("utf-8").endswith("\n\n" + table())


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_a_page_says_what_a_reader_needs(page: Path) -> None:
    """Each metric in its text beyond the list, where it comes from, and traps."""
    text = page.read_text("utf-8")
    body = text.split("\n\n", 2)[2]
    assert [] == [metric for metric in declared(page) if metric not in body]
    assert "\nTraps:\n\n- " in text
    assert re.search(r"\bSource: |\bOurs\b", text)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_the_examples_of_a_page_hold(page: Path) -> None:
    """Every block with a prompt is run, in order, and prints what the page says."""
    text = page.read_text("utf-8")
    if "LocalExecutor" in text and not probe().contained:
        pytest.skip(probe().summary())
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    shared: dict[str, object] = {}
    ran = 0
    for block in blocks:
        example = doctest.DocTestParser().get_doctest(block, shared, page.name, str(page), 0)
        printed: list[str] = []
        result = doctest.DocTestRunner(verbose=False).run(example, out=printed.append, clear_globs=False)
        shared = example.globs
        assert 0 == result.failed, "".join(printed)
        ran += result.attempted
    assert ran >= 2
