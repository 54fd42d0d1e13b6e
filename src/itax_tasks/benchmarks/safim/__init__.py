"""SAFIM: syntax-aware infilling of blocks, control expressions and API calls in Python, C++, Java and C#.

Source: Gong et al. 2024, https://arxiv.org/abs/2403.04814, https://github.com/gonglinyuan/safim. The plain tasks show a
model what the paper on the instruction-tuning tax shows it: the code around the hole. The `_official` ones show what
SAFIM shows: the problem statement too, with SAFIM's sampling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from itax_metrics.records import Item
from itax_tasks.benchmarks.safim.cues import without_cues
from itax_tasks.benchmarks.safim.judging import LIMITS, complete, decide, decide_call, runs_in
from itax_tasks.benchmarks.safim.prompts import instructed, left_to_right, statement_and_code
from itax_tasks.benchmarks.safim.rows import SUBSETS, Shown, Subset, load, own_id
from itax_tasks.conditions import conditions, with_lenient
from itax_tasks.spec import GREEDY, Condition, Measure, TaskSpec, measured

OFFICIAL_SAMPLING: Mapping[str, Any] = {"do_sample": True, "temperature": 0.2, "top_p": 0.95}
OFFICIAL_TOKENS = 128

_RULES = {"pass@1": "safim", "pass@1_raw": "raw", "pass@1_fixed": "safim_fixed"}
_CHAT_RULES = {"pass@1": "safim_instructed", "pass@1_raw": "raw", "pass@1_fixed": "safim_instructed_fixed"}


def groups(item: Item) -> Sequence[str]:
    """The subset and the language of an item of the pooled tasks."""
    return (str(item.payload["subset"]), item.language)


def language(item: Item) -> Sequence[str]:
    """The language of an item of one subset."""
    return (item.language,)


def _spec(
    name: str,
    subsets: tuple[Subset, ...] = SUBSETS,
    *,
    condition: Condition = "raw",
    protocol: str = "paper",
    shown: Shown | None = None,
    asked: tuple[str, ...] = (),
    rules: Mapping[str, str] = _RULES,
    sampling: Mapping[str, Any] = GREEDY,
    max_gen_toks: int = 512,
) -> TaskSpec:
    measures = measured(rules, complete, decide)
    if subsets == ("api",):
        measures["call_match"] = Measure(rules["pass@1"], decide_call, complete)
    return TaskSpec(
        name=name,
        version=1.0,
        benchmark=f"safim/{subsets[0] if len(subsets) == 1 else 'all'}",
        condition=condition,
        protocol=protocol,
        load=partial(load, subsets, shown, asked),
        measures=measures,
        limits=LIMITS,
        max_gen_toks=max_gen_toks,
        paper_max_gen_toks={"qwen": 512, "deepseek": 128},
        sampling=sampling,
        runs_in=runs_in,
        own_id=partial(own_id, "api") if subsets == ("api",) else str,
        groups=groups if len(subsets) > 1 else language,
    )


_official = partial(_spec, protocol="official", sampling=OFFICIAL_SAMPLING, max_gen_toks=OFFICIAL_TOKENS)

TASKS = (
    *conditions(_spec("itax_safim")),
    *(sibling for subset in SUBSETS for sibling in conditions(_spec(f"itax_safim_{subset}", (subset,)))),
    with_lenient(_spec("itax_safim_no_cue", protocol="itax", shown=without_cues)),
    _official("itax_safim_official_psm", shown=statement_and_code, asked=("safim_mode",)),
    _official("itax_safim_official_l2r", condition="l2r", shown=left_to_right, asked=("safim_mode",)),
    _official(
        "itax_safim_official_instructed",
        condition="direct",
        shown=instructed,
        asked=("safim_mode",),
        rules=_CHAT_RULES,
    ),
)
