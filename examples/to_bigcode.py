"""One score directory in the form of the Big Code Models Leaderboard's community results.

python examples/to_bigcode.py SCORES > model.json
"""

from __future__ import annotations

import json
import sys

from itax_metrics import read_score_dir
from itax_metrics.export.rates import rates


def community_results(folder: str) -> dict[str, object]:
    """{"results": [{"task", "pass@1"}], "meta": {"model"}}; refuses answers without a verdict."""
    run, outcomes = read_score_dir(folder)
    results = [{"task": rate.task.task, "pass@1": rate.value} for rate in rates(run, outcomes)]
    return {"results": results, "meta": {"model": run.model}}


if __name__ == "__main__":
    print(json.dumps(community_results(sys.argv[1]), indent=2))
