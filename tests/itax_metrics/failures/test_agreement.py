"""Kappa against an independent implementation, and files that raters hand back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from itax_metrics.errors import DataError
from itax_metrics.failures.agreement import LABELS, agreement, read_key, read_labels, shared

PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=2, max_size=60)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # the reference divides by zero for its z
@settings(deadline=None)
@given(PAIRS)
def test_kappa_and_its_interval_are_those_of_statsmodels(pairs: list[tuple[str, str]]) -> None:
    """The same variance of Fleiss, Cohen and Everitt; the interval is kept inside [-1, 1]."""
    inter_rater = pytest.importorskip("statsmodels.stats.inter_rater")
    found = agreement([one for one, _ in pairs], [two for _, two in pairs])
    table = np.array([[found.confusion[row][column] for column in LABELS] for row in LABELS])
    if found.kappa is None:
        assert 1 == len({label for pair in pairs for label in pair})
        return
    reference = inter_rater.cohens_kappa(table)
    assert reference.kappa == pytest.approx(found.kappa, abs=1e-12)
    assert found.ci95 is not None
    # Where the variance is nothing but rounding, the reference may take the root of a negative number.
    low, high = np.nan_to_num([reference.kappa_low, reference.kappa_upp], nan=reference.kappa)
    assert max(-1, low) == pytest.approx(found.ci95.low, abs=1e-6)
    assert min(1, high) == pytest.approx(found.ci95.high, abs=1e-6)


def test_a_worked_example() -> None:
    """Cohen's kappa of 20, 5, 10 and 15 rows: (.70 - .50) / (1 - .50)."""
    first = ["a"] * 25 + ["b"] * 25
    second = ["a"] * 20 + ["b"] * 5 + ["a"] * 10 + ["b"] * 15
    found = agreement(first, second, labels=["a", "b"])
    assert (0.7, 0.4) == (found.agreement, pytest.approx(found.kappa))


def test_one_label_only_has_no_kappa() -> None:
    """They agree, and chance would have agreed as well."""
    found = agreement(["extra_code"] * 5, ["extra_code"] * 5)
    assert (1.0, None, None) == (found.agreement, found.kappa, found.ci95)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (["extra_code"], [], "1 labels beside 0"),
        ([], [], "no row that both"),
        (["extra_code"], ["extra"], "'extra' is no label"),
    ],
)
def test_labels_that_cannot_be_compared_are_refused(first: list[str], second: list[str], message: str) -> None:
    """One clear error."""
    with pytest.raises(DataError, match=message):
        agreement(first, second)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no columns"),
        (b"row,label\r\n", "no columns"),
        (b"a,b\r\n1,2\r\n", "no columns"),
        (b"row,label\r\nx1,\r\n", "row x1 has no label"),
        (b"row,label\r\nx1,good\r\n", "row x1 has the label 'good'"),
        (b"row,label\r\nx1,extra_code\r\nx1,extra_code\r\n", "row x1 stands there twice"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_file_that_is_no_rater_s_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    """Naming file and row."""
    path = tmp_path / "rater.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_labels(path)


def test_a_spreadsheet_s_habits_are_read(tmp_path: Path) -> None:
    """Byte order mark, semicolons, capitals."""
    path = tmp_path / "rater.csv"
    path.write_bytes(b"\xef\xbb\xbfrow;label\r\nx1; Extra_Code \r\n")
    assert {"x1": "extra_code"} == read_labels(path)


def test_two_raters_label_the_same_rows() -> None:
    """A row that only one has is named."""
    with pytest.raises(DataError, match="1 rows stand in one rater's file only, first b"):
        shared({"a": "extra_code"}, {"a": "extra_code", "b": "extra_code"})


def test_a_file_that_is_no_key_is_refused(tmp_path: Path) -> None:
    """Named."""
    path = tmp_path / "key.json"
    path.write_text("[]", "utf-8")
    with pytest.raises(DataError, match=r"key.json is no key"):
        read_key(path)
