"""Items whose own tests cannot pass in this environment: they stay in the rate, so whoever reads it must see which."""

from __future__ import annotations

from collections.abc import Iterable

from itax_metrics.records import Flag, Outcome

_NAMED = 10
"""So many items are named; `outcomes.jsonl` flags all of them."""

_TEXT_ALONE = "exact_match"
"""How metrics begin that compare texts and run nothing."""


def unavailable(outcomes: Iterable[Outcome]) -> tuple[str, ...]:
    """The ids of the items that carry the flag `env_unavailable`, each once, in order of appearance."""
    return tuple(dict.fromkeys(row.task_id for row in outcomes if Flag.ENV_UNAVAILABLE.value in row.flags))


def unavailable_note(task_ids: tuple[str, ...], headline: str = "pass@1") -> str:
    """One clause about these items, without a full stop.

    Args:
        task_ids: the items.
        headline: of their task; one that compares texts needs no environment.

    >>> unavailable_note(("a", "b"))
    '2 items cannot pass in this environment whatever the answer is and count as failed (env_unavailable): a, b'
    """
    count = f"{len(task_ids)} item{'' if len(task_ids) == 1 else 's'}"
    verb = "counts" if len(task_ids) == 1 else "count"
    more = f" and {len(task_ids) - _NAMED} more, in outcomes.jsonl" if len(task_ids) > _NAMED else ""
    names = f"{', '.join(task_ids[:_NAMED])}{more}"
    why = "cannot pass in this environment"
    if headline.startswith(_TEXT_ALONE):
        # An answer equal to the published one passes there without a run: see ClassEval's lines.
        return (
            f"the tests of {count} {why} (env_unavailable); {headline} runs none, and the "
            f"metrics that do fail there unless the answer is the published one: {names}"
        )
    return f"{count} {why} whatever the answer is and {verb} as failed (env_unavailable): {names}"
