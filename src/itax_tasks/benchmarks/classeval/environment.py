"""The pinned environment ClassEval's tests run in, and the tests that cannot pass there whatever the answer is."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from itax_metrics.errors import ExecutionError
from itax_metrics.execution import environments
from itax_metrics.records import Item
from itax_tasks.benchmarks.classeval.judging import ENVIRONMENT
from itax_tasks.settings import Settings

log = logging.getLogger("lm_eval.itax")

_NLTK = "needs nltk data, which the environment does not hold"

UNAVAILABLE: Mapping[tuple[str, str], str] = {
    ("ClassEval_17", "get_upcoming_events"): "its test compares dates of 2023 and 2024 with the real clock",
    ("ClassEval_25", "load_cookies"): "its test reads a file that another test class leaves, and each runs alone here",
    ("ClassEval_48", "get_hostname"): "its test expects the host name of its author's machine",
    ("ClassEval_52", "lemmatize_sentence"): _NLTK,
    ("ClassEval_52", "get_pos_tag"): _NLTK,
    ("ClassEval_69", "merge_pdfs"): "the test class the benchmark names for it holds no test",
}
"""(class, method) -> why no answer can pass its test."""


def lacking(settings: Settings) -> str | None:
    """Why no test of ClassEval can run here, with the remedy; None where they can. Said once a task in the log.

    Under Ray each node looks for itself.
    """
    if settings.executor == "ray":
        return None
    try:
        environments.find(ENVIRONMENT, settings.state_dir.absolute() / "envs")
    except ExecutionError as error:
        reason = (
            f"ClassEval's tests run in a pinned environment with the libraries its classes import. {error} Answers "
            "generated meanwhile are kept; judge them with `itax score` once it is there."
        )
        log.warning("itax: %s", reason)
        return reason
    return None


def flags(item: Item) -> tuple[str, ...]:
    """`env_unavailable` for an item whose own test cannot pass in the environment."""
    return () if _available(item) else ("env_unavailable",)


def groups(item: Item) -> tuple[str, ...]:
    """`env_ok` for all others: the headline is reported for them beside the whole."""
    return ("env_ok",) if _available(item) else ()


def _available(item: Item) -> bool:
    return (item.payload["problem"].task_id, item.payload["method"]) not in UNAVAILABLE
