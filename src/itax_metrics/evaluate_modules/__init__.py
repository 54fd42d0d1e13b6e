"""The behaviour measures as modules of Hugging Face `evaluate`, loaded by path and offline.

    import evaluate
    from itax_metrics.evaluate_modules import path

    evaluate.load(path("ctr")).compute(predictions=["x = 1", "Here is the code:"])   # {'ctr': 1.0, 'n': 2}

One folder a measure, as `evaluate` wants it; `python -m itax_metrics.evaluate_modules` writes them from the registry.
Needs the package `evaluate`, which lm-eval brings. Measures of what only a run knows (`hit_limit`, `tokens`,
`run_seconds`) take its figures, one a prediction, in place of texts. Those of post-processed text (`*_processed`) have
no module: hand in that text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from itax_metrics.behavior import BUILTIN, Behavior, Reply, measure
from itax_metrics.errors import ConfigError, MissingExtraError
from itax_metrics.records import Flag, Item

MODULES = tuple(behavior.name for behavior in BUILTIN if not behavior.name.endswith("_processed"))
"""The measures that have a module."""

BESIDE_THE_TRUTH = ("extra_def", "accepted_prefix", "delete_characters", "edit_similarity")
"""Their modules ask for references; for the others these are optional."""

FIGURES: Mapping[str, str] = {"hit_limit": "int64", "tokens": "int64", "run_seconds": "float64"}
"""The measures whose modules take a figure of each answer in place of its text, and of what kind: tokens or seconds."""

INPUTS_OF_FIGURES = """
Args:
    predictions: list of int, the tokens of each answer (of float, its seconds, for `run_seconds`); None where unknown.
    limit: int, the tokens that an answer could have; for `hit_limit` alone.
Returns:
    {name: mean over the answers that have a value, None without any, "n": how many these are}
"""

INPUTS = """
Args:
    predictions: list of str, the answers.
    references: list of str, the canonical answers; for measures that compare with them.
    prefixes, suffixes: lists of str, the text before and behind each hole; for measures of the place.
    languages: list of str; `python` where it is left out.
    passed: list of bool, whether each answer passed; for `*_given_failed`.
Returns:
    {name: mean over the answers that have a value, None without any, "n": how many these are}
"""

CITATION = (
    "The Instruction-Tuning Tax (2026); rules restated from its public artifact where the measure is the paper's."
)


def path(name: str) -> str:
    """The folder to hand to `evaluate.load`.

    Raises:
        ConfigError: no module of that name.
    """
    if name not in MODULES:
        raise ConfigError(f"There is no evaluate module {name!r}. Known: {', '.join(MODULES)}.")
    return str(Path(__file__).parent / name)


def compute(
    behavior: Behavior,
    predictions: Sequence[str],
    references: Sequence[str] | None = None,
    prefixes: Sequence[str] | None = None,
    suffixes: Sequence[str] | None = None,
    languages: Sequence[str] | None = None,
    passed: Sequence[bool] | None = None,
) -> dict[str, float | int | None]:
    """The mean of one measure; the arguments are those of the modules.

    Raises:
        ConfigError: lists of different lengths.
    """
    given = {"references": references, "prefixes": prefixes, "suffixes": suffixes, "languages": languages}
    for name, values in {**given, "passed": passed}.items():
        if values is not None and len(values) != len(predictions):
            raise ConfigError(f"{behavior.name}: {len(predictions)} predictions, but {len(values)} {name}.")
    placed = any(values is not None for values in given.values())
    found = []
    for number, text in enumerate(predictions):
        item = None
        if placed:
            item = Item(
                task_id=str(number),
                prefix=prefixes[number] if prefixes else "",
                suffix=suffixes[number] if suffixes else "",
                truth=references[number] if references else "",
                language=languages[number] if languages else "python",
            )
        code = item.prefix + text + item.suffix if item else text
        reply = Reply(text, item, splice=lambda code=code: code, passed=passed[number] if passed else None)  # type: ignore[misc]
        value = measure(reply, [behavior])[behavior.name]
        if value is not None:
            found.append(value)
    return _mean(behavior, found)


def compute_figures(
    behavior: Behavior, predictions: Sequence[float | None], limit: int | None = None
) -> dict[str, float | int | None]:
    """The mean of one measure of `FIGURES`; the arguments are those of its module.

    Args:
        behavior: the measure.
        predictions: tokens or seconds of each answer; None where they are unknown.
        limit: tokens that an answer could have.

    Raises:
        ConfigError: `hit_limit` without a limit, another measure with one, or a figure below zero.
    """
    if (limit is not None) != (behavior.name == "hit_limit"):
        raise ConfigError(f"{behavior.name}: `limit` is the number of tokens of `hit_limit`, which needs it, alone.")
    if any(figure is not None and figure < 0 for figure in predictions):
        raise ConfigError(f"{behavior.name}: a prediction is below zero; hand in tokens or seconds.")
    found = []
    for figure in predictions:
        count = None if figure is None or behavior.name == "run_seconds" else int(figure)
        full = limit is not None and count is not None and count >= limit
        flags = (Flag.HIT_LIMIT.value,) if full else ()
        value = measure(Reply("", flags=flags, tokens=count, seconds=figure), [behavior])[behavior.name]
        if value is not None:
            found.append(value)
    return _mean(behavior, found)


def _mean(behavior: Behavior, found: Sequence[float]) -> dict[str, float | int | None]:
    return {behavior.name: sum(found) / len(found) if found else None, "n": len(found)}


def module(name: str) -> Any:
    """The class of one module; called by the file that `evaluate` loads.

    Raises:
        MissingExtraError: `evaluate` is not installed.
    """
    try:
        import datasets
        import evaluate
    except ImportError as error:
        raise MissingExtraError("A module of Hugging Face evaluate", "all") from error
    (behavior,) = (behavior for behavior in BUILTIN if behavior.name == name)
    entry = datasets.Value(FIGURES.get(name, "string"))
    inputs = ("predictions", "references") if name in BESIDE_THE_TRUTH else ("predictions",)

    class BehaviorModule(evaluate.Metric):  # type: ignore[misc]  # evaluate is untyped
        def _info(self) -> Any:
            return evaluate.MetricInfo(
                description=f"{behavior.name}: {behavior.about}.",
                citation=CITATION,
                inputs_description=INPUTS_OF_FIGURES if name in FIGURES else INPUTS,
                features=datasets.Features(dict.fromkeys(inputs, entry)),
            )

        def _compute(self, predictions: Sequence[Any], **known: Any) -> dict[str, float | int | None]:
            return (compute_figures if name in FIGURES else compute)(behavior, predictions, **known)

    return BehaviorModule


def source(name: str) -> str:
    """The file of one module."""
    return f'''"""{name} as a module of Hugging Face evaluate. Written by `python -m itax_metrics.evaluate_modules`."""

from itax_metrics.evaluate_modules import module

Measure = module("{name}")
'''
