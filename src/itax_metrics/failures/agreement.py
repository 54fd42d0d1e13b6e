"""How far two raters agree, and how far the rules agree with them.

Cohen's kappa, (agreement - chance) / (1 - chance), with the large-sample variance of Fleiss, Cohen and Everitt (1969,
Psychological Bulletin 72), which holds for a kappa that is not zero.

Covered: any set of labels. Degenerate input has a value: raters who use one label only agree fully and have no kappa.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from itax_metrics.errors import DataError
from itax_metrics.failures.taxonomy import Category
from itax_metrics.stats import Interval

LABELS = tuple(category.value for category in Category)


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two sources of labels on the same rows."""

    n: int
    agreement: float
    """Share of rows with equal labels."""
    kappa: float | None
    """None where both use one label only: chance alone would agree fully."""
    ci95: Interval | None
    """Large-sample interval, kept inside [-1, 1]."""
    confusion: Mapping[str, Mapping[str, int]]
    """First source's label to second source's label to rows; all labels of the taxonomy stand in it."""


def agreement(first: Sequence[str], second: Sequence[str], labels: Sequence[str] = LABELS) -> Agreement:
    """Compare two sources, row by row.

    Raises:
        DataError: different lengths, no rows, or a label that is not among `labels`.

    >>> agreement(["a", "a", "b", "b"], ["a", "b", "b", "b"], labels=["a", "b"]).kappa
    0.5
    """
    if len(first) != len(second):
        raise DataError(f"{len(first)} labels beside {len(second)}: the two sources do not cover the same rows.")
    if not first:
        raise DataError("There is no row that both sources have labelled.")
    strange = sorted({label for label in (*first, *second) if label not in labels})
    if strange:
        raise DataError(f"{strange[0]!r} is no label. Labels: {', '.join(labels)}.")
    n = len(first)
    confusion = {row: dict.fromkeys(labels, 0) for row in labels}
    for one, other in zip(first, second, strict=True):
        confusion[one][other] += 1
    share = {row: {column: count / n for column, count in found.items()} for row, found in confusion.items()}
    left = {label: sum(share[label].values()) for label in labels}
    right = {label: sum(share[row][label] for row in labels) for label in labels}
    observed = sum(share[label][label] for label in labels)
    chance = sum(left[label] * right[label] for label in labels)
    if math.isclose(chance, 1.0):
        return Agreement(n, observed, None, None, confusion)
    kappa = (observed - chance) / (1 - chance)
    on = sum(share[a][a] * (1 - (left[a] + right[a]) * (1 - kappa)) ** 2 for a in labels)
    off = sum(share[a][b] * (right[a] + left[b]) ** 2 for a in labels for b in labels if a != b)
    variance = on + (1 - kappa) ** 2 * off - (kappa - chance * (1 - kappa)) ** 2
    half = 1.959963984540054 * math.sqrt(max(0.0, variance) / n) / (1 - chance)
    return Agreement(n, observed, kappa, Interval(max(-1.0, kappa - half), min(1.0, kappa + half)), confusion)


def read_labels(path: Path) -> dict[str, str]:
    """The labels of one rater: the columns `row` and `label` of a CSV file.

    Labels may be written as values (`extra_code`) in any case. Spreadsheets' byte order mark and semicolons are read.

    Raises:
        DataError: not such a file, a row twice, an empty or unknown label; names the row.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text ({error}). Save it as CSV in UTF-8.") from None
    head = text.split("\n", 1)[0]
    try:
        rows = list(
            csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in head and "," not in head else ",")
        )
    except csv.Error as error:
        raise DataError(f"{path} is no CSV file ({error}).") from None
    if not rows or not {"row", "label"} <= set(rows[0]):
        raise DataError(f"{path} has no columns `row` and `label`. Label the file that `itax label sheet` wrote.")
    labels: dict[str, str] = {}
    for row in rows:
        name, label = (row["row"] or "").strip(), (row["label"] or "").strip().lower()
        if name in labels:
            raise DataError(f"{path}: row {name} stands there twice.")
        if label not in LABELS:
            what = f"has the label {label!r}" if label else "has no label"
            raise DataError(f"{path}: row {name} {what}. Labels: {', '.join(LABELS)}.")
        labels[name] = label
    return labels


def read_key(path: Path) -> dict[str, str | None]:
    """What the rules say of each row, from the key that `itax label sheet` wrote.

    Raises:
        DataError: not such a file.
    """
    try:
        return {str(row["row"]): row["category"] for row in json.loads(path.read_text("utf-8"))["rows"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no key of `itax label sheet` ({type(error).__name__}: {error}).") from None


def shared(first: Mapping[str, str], second: Mapping[str, str]) -> list[str]:
    """The rows of two raters, which must be the same ones.

    Raises:
        DataError: a row that only one of them has.
    """
    only = sorted(set(first) ^ set(second))
    if only:
        raise DataError(
            f"{len(only)} rows stand in one rater's file only, first {only[0]}. Both label the same sheet, whole."
        )
    return list(first)
