"""Looking for a Python of a given version."""

from __future__ import annotations

import pytest

from itax_metrics.errors import ExecutionError
from itax_metrics.execution.interpreters import find_python


def test_a_python_that_is_not_here() -> None:
    """The message says where was looked and what installs it."""
    with pytest.raises(ExecutionError, match=r"No Python 3\.99 .*uv python install 3\.99.*`itax env create x` again"):
        find_python("3.99", remedy="itax env create x")
