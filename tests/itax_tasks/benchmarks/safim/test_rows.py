"""SAFIM's rows as items: counts, ids, files they share, and the options that choose among them."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path

import pytest

pytest.importorskip("tree_sitter", reason="the extra `safim` is not installed")

from itax_metrics.errors import ConfigError
from itax_tasks.benchmarks.base import Loaded
from itax_tasks.benchmarks.safim import TASKS
from itax_tasks.benchmarks.safim.judging import complete
from itax_tasks.settings import Settings, read_settings
from itax_tasks.tasks import task

ROWS = {"itax_safim_api": 310, "itax_safim_block": 8781, "itax_safim_control": 8629, "itax_safim": 17720}


@lru_cache(maxsize=8)
def loaded(name: str, data_dir: Path, *options: tuple[str, str]) -> Loaded:
    """The items of a task, loaded once a session."""
    return task(name).load(Settings(data_dir=data_dir, options=options))


@pytest.mark.parametrize("name", ROWS)
def test_a_task_has_its_published_rows(name: str, data_dir: Path) -> None:
    """The pooled task has all three subsets; every id names one hole."""
    found = loaded(name, data_dir)
    assert (ROWS[name], ROWS[name], ROWS[name]) == (len(found.items), len(found.by_id()), found.data["rows"])


def test_languages_are_the_published_ones(data_dir: Path) -> None:
    """Counts by subset and language, as the groups report them."""
    counts = Counter(task("itax_safim").groups(item) for item in loaded("itax_safim", data_dir).items)  # type: ignore[misc]
    assert {
        ("api", "python"): 181,
        ("api", "java"): 56,
        ("api", "cpp"): 52,
        ("api", "csharp"): 21,
        ("block", "cpp"): 4968,
        ("block", "java"): 2479,
        ("block", "python"): 805,
        ("block", "csharp"): 529,
        ("control", "cpp"): 4881,
        ("control", "java"): 2464,
        ("control", "python"): 750,
        ("control", "csharp"): 534,
    } == counts


def test_holes_of_one_source_file_share_a_cluster(data_dir: Path) -> None:
    """17,720 holes were cut into 8,469 files."""
    items = loaded("itax_safim", data_dir).items
    files = {complete(item, item.truth): item.cluster for item in items}
    assert (8469, 8469) == (len(files), len(set(files.values())))


def test_api_rows_are_known_under_both_published_ids() -> None:
    """The first files call them `block_completion_*`."""
    assert "api_completion_000007" == task("itax_safim_api").own_id("block_completion_000007")
    assert "api_completion_000007" == task("itax_safim_api").own_id("api_completion_000007")
    assert "block_completion_000007" == task("itax_safim").own_id("block_completion_000007")


def test_languages_can_be_left_out_and_the_digest_says_so(data_dir: Path) -> None:
    """Where a toolchain is missing, the other languages can be measured, and never be mistaken for all."""
    every = loaded("itax_safim_api", data_dir)
    some = loaded("itax_safim_api", data_dir, ("safim_languages", "python, java"))
    assert 181 + 56 == len(some.items)
    assert every.data["sha256"] != some.data["sha256"]


def test_an_unknown_language_is_refused(data_dir: Path) -> None:
    """With the known ones."""
    with pytest.raises(ConfigError, match="python, cpp, java, csharp"):
        loaded("itax_safim_api", data_dir, ("safim_languages", "go"))


def test_what_verdicts_depend_on_is_recorded_beside_the_digest(data_dir: Path) -> None:
    """The shortcut, the Python and the grammars move no digest, so that stored answers can be judged otherwise."""
    plain = loaded("itax_safim_api", data_dir).data
    other = loaded("itax_safim_api", data_dir, ("safim_python", "cpython"), ("safim_shortcut", "off")).data
    assert plain["sha256"] == other["sha256"]
    assert ("on", "pypy", "off", "cpython") == (
        plain["judging"]["shortcut"],
        plain["judging"]["python"],
        other["judging"]["shortcut"],
        other["judging"]["python"],
    )
    assert set(plain["judging"]["grammars"]) >= {"tree-sitter", "tree-sitter-cpp"}


def test_options_come_from_metadata_and_are_checked() -> None:
    """A value that does not exist is refused, naming those that do."""
    assert "off" == read_settings({"safim_shortcut": "off"}).option("safim_shortcut", "on")
    assert "pypy" == read_settings({}, {}).option("safim_python", "pypy")
    assert "cpython" == read_settings({}, {"ITAX_SAFIM_PYTHON": "cpython"}).option("safim_python", "pypy")
    with pytest.raises(ConfigError, match="on or off"):
        read_settings({"safim_shortcut": "maybe"})


def test_recorded_options_hold_where_none_is_given_now() -> None:
    """`itax score` scores what was generated, unless told otherwise."""
    now = read_settings({"safim_shortcut": "off"}, {})
    assert {"safim_mode": "fewshot", "safim_shortcut": "off"} == dict(
        now.with_options({"safim_mode": "fewshot", "safim_shortcut": "on", "unknown": "x"}).options
    )


@pytest.mark.parametrize("spec", TASKS, ids=lambda spec: spec.name)
def test_every_task_reports_by_language(spec: object) -> None:
    """The pooled ones by subset too."""
    assert task(spec.name).groups is not None  # type: ignore[attr-defined]
