"""ClassEval: a hundred hand-written classes, put to a model line by line, method by method, and whole.

Source: Du et al. 2023, https://github.com/FudanSELab/ClassEval (data, tests, limits, whole classes); section 3.2 and
the artifact of "Lost in the Flow with Code Talkers" (the derivation of lines and methods).
"""

from __future__ import annotations

from functools import partial

from itax_tasks.benchmarks.classeval import completion, environment, holistic, hub, infilling, judging
from itax_tasks.benchmarks.classeval.hub import HUB_SETS
from itax_tasks.conditions import conditions, with_lenient
from itax_tasks.spec import Measure, TaskSpec, answer_alone

LINE_MEASURES = {
    "exact_match": Measure("paper_strip", judging.same_text, answer_alone),
    "exact_match_first_line": Measure("first_text_line", judging.same_text, answer_alone),
    "pass@1": Measure("raw", judging.by_method_or_equality, infilling.complete),
    "pass@1_first_line": Measure("first_text_line", judging.by_method_or_equality, infilling.complete),
}

METHOD_MEASURES = {
    "pass@1": Measure("method_body", judging.by_method, completion.complete),
    "pass@1_raw": Measure("raw", judging.by_method, completion.complete),
    "pass@1_paper": Measure("classeval_paper", judging.by_whole_module, completion.complete),
}

CLASS_MEASURES = {
    "pass@1": Measure("classeval_class", judging.by_class, holistic.complete),
    "pass@1_test_classes": Measure("classeval_class", judging.by_class, holistic.complete, share=True),
}


def _lines(name: str, context: infilling.Context) -> TaskSpec:
    return TaskSpec(
        name=f"itax_classeval_infilling{name}",
        version=1.0,
        benchmark=f"classeval/infilling_{context}",
        condition="raw",
        protocol="paper" if context == "file" else "itax",
        load=partial(infilling.load, context),
        measures=LINE_MEASURES,
        limits=judging.LIMITS,
        max_gen_toks=256,
        paper_max_gen_toks={"qwen": 256, "deepseek": 128},
        own_id=partial(hub.own_id, hub.LINES),
        flags=environment.flags,
    )


def _methods(name: str, subset: completion.Subset, *, around: bool = False) -> TaskSpec:
    return TaskSpec(
        name=f"itax_classeval_completion{name}",
        version=1.0,
        benchmark=f"classeval/completion_{subset}",
        condition="direct",
        protocol="official" if subset == "paper" and not around else "itax",
        load=partial(completion.load, subset),
        measures=METHOD_MEASURES,
        limits=judging.LIMITS,
        max_gen_toks=512,
        own_id=partial(hub.own_id, hub.METHODS),
        text=completion.text_around if around else (lambda item: item.prefix),
        groups=environment.groups,
        flags=environment.flags,
    )


TASKS = (
    *conditions(_lines("", "file")),
    with_lenient(_lines("_no_cue", "no_cue")),
    with_lenient(_lines("_cue", "cue")),
    *conditions(_methods("", "paper")),
    with_lenient(_methods("_full", "full")),
    with_lenient(_methods("_shown", "paper", around=True)),
    with_lenient(_methods("_no_cue", "no_cue")),
    TaskSpec(
        name="itax_classeval_holistic",
        version=1.0,
        benchmark="classeval/holistic",
        condition="chat",
        protocol="official",
        load=holistic.load,
        measures=CLASS_MEASURES,
        limits=judging.LIMITS,
        max_gen_toks=2048,
    ),
)

__all__ = ["HUB_SETS", "TASKS"]
