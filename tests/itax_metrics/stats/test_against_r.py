"""Paired statistics and corrections against base R (tests/reference/statistics.R) and statsmodels."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from itax_metrics.stats import (
    benjamini_hochberg,
    holm,
    mcnemar,
    newcombe,
    odds_ratio,
    paired_odds_ratio,
    tango,
)

REFERENCE = Path(__file__).resolve().parents[2] / "reference"


def _rows(name: str) -> list[dict[str, float]]:
    with open(REFERENCE / name, encoding="utf-8") as lines:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(lines)]


PAIRED = _rows("paired.csv")


@pytest.mark.parametrize("row", PAIRED, ids=lambda row: "-".join(str(int(row[k])) for k in list(row)[:4]))
def test_paired_intervals_are_those_of_r(row: dict[str, float]):
    """Tango by another route in R, Newcombe, the exact odds ratio, and McNemar."""
    both, gained, lost, neither = (int(row[name]) for name in ("both", "gained", "lost", "neither"))
    n = both + gained + lost + neither
    assert (row["tango_low"], row["tango_high"]) == pytest.approx(tango(gained, lost, n), abs=2e-7)
    assert (row["newcombe_low"], row["newcombe_high"]) == pytest.approx(
        newcombe(both, gained, lost, neither), abs=1e-10
    )
    assert (row["odds_low"], row["odds_high"]) == pytest.approx(paired_odds_ratio(gained, lost).ci95, rel=1e-9)
    test = mcnemar(gained, lost)
    assert (row["p_exact"], row["chi2_cc"], row["p_cc"]) == pytest.approx(
        (test.p_exact, test.chi2_cc, test.p_cc), rel=1e-9
    )


def test_corrections_are_those_of_r_and_statsmodels():
    """Holm and Benjamini-Hochberg on the fifteen p-values of the latter's paper."""
    rows = _rows("adjusted.csv")
    p_values = [row["p"] for row in rows]
    assert [row["holm"] for row in rows] == pytest.approx(holm(p_values), rel=1e-10)
    assert [row["bh"] for row in rows] == pytest.approx(benjamini_hochberg(p_values), rel=1e-10)
    multitest = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is the reference")
    shuffled = p_values[::2] + p_values[1::2]
    assert multitest.multipletests(shuffled, method="fdr_bh")[1].tolist() == pytest.approx(benjamini_hochberg(shuffled))


@pytest.mark.parametrize("counts", [(30, 10, 20, 20), (1, 7, 12, 3), (600, 480, 5, 4)])
def test_odds_ratio_of_two_groups_is_that_of_statsmodels(counts: tuple[int, int, int, int]):
    """Ratio and Woolf's interval."""
    module = pytest.importorskip("statsmodels.stats.contingency_tables", reason="statsmodels is the reference")
    a, b, c, d = counts
    theirs = module.Table2x2([[a, b], [c, d]])
    ours = odds_ratio(*counts)
    assert theirs.oddsratio == pytest.approx(ours.ratio)
    assert tuple(theirs.oddsratio_confint()) == pytest.approx(ours.ci95, rel=1e-9)


def test_odds_ratio_with_an_empty_cell_adds_a_half_to_each():
    """5.5 x 7.5 / (0.5 x 3.5), and a finite interval."""
    ours = odds_ratio(5, 0, 3, 7)
    assert 5.5 * 7.5 / (0.5 * 3.5) == pytest.approx(ours.ratio)
    assert all(math.isfinite(end) for end in ours.ci95)
