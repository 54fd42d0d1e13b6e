"""The worked examples in the docstrings of the statistics."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = [
    "mcnemar",
    "intervals",
    "bootstrap",
    "permutation",
    "multiple",
    "power",
    "paired",
    "odds",
    "pass_at_k",
]


@pytest.mark.parametrize("name", MODULES)
def test_worked_examples_hold(name: str):
    """Each module has an example, and it prints what it says."""
    result = doctest.testmod(import_module(f"itax_metrics.stats.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
