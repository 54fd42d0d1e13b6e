"""The whole report on real pairs: recorded answers with the official tools' verdicts."""

from __future__ import annotations

from pathlib import Path

from benchmarks.recorded_pairs import make

from itax_metrics.report.content import build, pair_from_scores
from itax_metrics.report.writing import write_report
from itax_metrics.store import read_score_dir


def test_real_pairs_give_a_report_with_the_official_counts(recorded_dir: Path, tmp_path: Path):
    """Llama-3-8B on HumanEval and MBPP, Qwen2.5-Coder-7B on BigCodeBench: solved items, plus scores, flips."""
    folders = make(recorded_dir, tmp_path)
    pairs = [
        pair_from_scores(read_score_dir(base), read_score_dir(instruct), resamples=500, flips=3)
        for base, instruct in zip(folders[::2], folders[1::2], strict=True)
    ]
    report = build(pairs)
    solved = {
        row["task"]: (row["both"] + row["base_only"], row["both"] + row["instruct_only"])
        for row in report.paper["disagreement"]
    }
    assert {
        "itax_humaneval_evalplus": (45, 105),
        "itax_mbpp_evalplus": (228, 249),
        "itax_bigcodebench_complete": (523, 565),
    } == solved
    plus = {
        entry["task"]: [
            round(m[f"{side}_rate"] * m["n_items"]) for m in entry["secondary"] for side in ("base", "instruct")
        ]
        for entry in report.pairs[0].comparison["benchmarks"]
    }
    assert {"itax_humaneval_evalplus": [39, 94], "itax_mbpp_evalplus": [184, 211]} == plus
    page = write_report(tmp_path / "report", report, "1").read_text("utf-8")
    assert "Meta-Llama-3-8B" in page
    assert 18 == page.count('<details class="lost">') + page.count('<details class="gained">')
