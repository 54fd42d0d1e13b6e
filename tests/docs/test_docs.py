"""The pages against the code: links, commands, task names, verdicts, and the fields of the files."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from itax_metrics.compare import compare
from itax_metrics.comparison import Comparison, PairedMetric
from itax_metrics.decompose import Component
from itax_metrics.execution import Limits
from itax_metrics.records import Flag, Outcome, Run, Status, TaskRun
from itax_metrics.store import write_score_dir
from itax_tasks.cli import VERBS, cli
from itax_tasks.extraction import RULES
from itax_tasks.fim import load_formats
from itax_tasks.harness.discovery import MODELS
from itax_tasks.tasks import TASKS
from itax_tasks.tune.tiny import NAMES as BUNDLED

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
READMES = sorted((ROOT / "task_yamls").glob("*/README.md"))
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *sorted(DOCS.glob("*.md")),
    *sorted(DOCS.glob("metrics/*.md")),
    *READMES,
]

NOT_TASKS = {"itax_tasks", "itax_metrics", "itax_results"}


def named(path: Path) -> str:
    """The id of a page in a test's name."""
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def fenced_lines(path: Path) -> Iterator[str]:
    """The lines of all fenced blocks, continued ones joined, prompts and comments removed."""
    for block in re.findall(r"^```[^\n]*\n(.*?)^```$", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            yield line.removeprefix("$ ").strip()


def commands() -> list[tuple[str, str]]:
    """Every `itax ...` shown: in fenced blocks the whole line, in prose the code span."""
    found = []
    for page in PAGES:
        # A line with an arrow is a drawing.
        found += [(named(page), line) for line in fenced_lines(page) if line.startswith("itax ") and " -> " not in line]
        spans = re.findall(r"`([^`]+)`", prose(page))
        # An option may be named there without its value.
        found += [(named(page), f"{' '.join(span.split())} VALUE") for span in spans if span.startswith("itax ")]
    return found


def first_cells(page: Path, heading: str, column: str) -> list[str]:
    """The first cells of the table with that head, under that heading."""
    lines = page.read_text("utf-8").splitlines()
    start = lines.index(heading)
    head = next(n for n, line in enumerate(lines[start:], start) if line.startswith(f"| {column} |"))
    rows = []
    for line in lines[head + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(line.split("|")[1].strip().strip("`"))
    return rows


def groups() -> set[str]:
    """The groups of the YAML files."""
    files = (ROOT / "task_yamls" / "groups").glob("*.yaml")
    return {yaml.safe_load(file.read_text("utf-8"))["group"] for file in files}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    """Links to files of the repository point to files that exist."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    files = [target.partition("#")[0] for target in targets if "://" not in target]
    assert [] == [file for file in files if file and not (page.parent / file).exists()]


def test_the_pages_name_each_other() -> None:
    """A page that the README leads to nobody is a page nobody finds."""
    text = "".join(path.read_text("utf-8") for path in [ROOT / "README.md", *DOCS.glob("*.md")])
    assert [] == [page.name for page in DOCS.glob("*.md") if f"{page.name})" not in text]


@pytest.mark.parametrize(("page", "line"), commands())
def test_every_command_shown_can_be_typed(page: str, line: str) -> None:
    """The verb exists, and so does every option behind it."""
    command: click.Command = cli
    words = shlex.split(line, comments=True)[1:]
    parents: list[str] = []
    while isinstance(command, click.Group) and words and not words[0].startswith("-") and words[0] != "VALUE":
        name = words.pop(0)
        found = command.get_command(click.Context(command, help_option_names=["-h", "--help"]), name)
        assert found is not None, f"{page}: {' '.join(['itax', *parents, name])} is no command"
        command, parents = found, [*parents, name]
    # Parsed only: nothing runs, and no file has to exist.
    settings = {**command.context_settings, "help_option_names": ["-h", "--help"]}
    command.make_parser(click.Context(command, **settings)).parse_args(list(words))


def test_the_table_of_commands_is_complete() -> None:
    """Every verb of the program stands in docs/interfaces.md."""
    cells = " ".join(first_cells(DOCS / "interfaces.md", "## 1. Commands", "command"))
    assert [] == [verb for verb in VERBS if f"itax {verb}" not in cells]


def test_every_task_and_group_named_exists() -> None:
    """docs/tasks.md, the README and the READMEs of the folders invent no name."""
    known = {*TASKS, *groups(), *NOT_TASKS}
    for page in [DOCS / "tasks.md", ROOT / "README.md", *READMES]:
        written = set(re.findall(r"\bitax_[a-z0-9_]+\b", prose(page)))
        assert set() == written - known, named(page)


def test_every_task_and_group_is_named() -> None:
    """docs/tasks.md leaves none out."""
    assert sorted(TASKS) == sorted(first_cells(DOCS / "tasks.md", "## Names", "task"))
    assert sorted(groups()) == sorted(first_cells(DOCS / "tasks.md", "## Groups", "group"))


@pytest.mark.parametrize("name", TASKS)
def test_every_task_stands_on_its_benchmark_s_page(name: str) -> None:
    """By its name, or as a sibling: another task's name and the rest of its own, both on the page."""
    family = TASKS[name].family
    assert f"](../task_yamls/{family}/README.md)" in (DOCS / "tasks.md").read_text("utf-8")
    page = (ROOT / "task_yamls" / family / "README.md").read_text("utf-8")
    rests = [name.removeprefix(other) for other in TASKS if name.startswith(other) and f"`{other}`" in page]
    # `_hard` stands behind the first word of a subset's name.
    plain = name.replace("_hard", "")
    assert any(not rest or f"`{rest}`" in page for rest in rests) or (f"`{plain}`" in page and "`_hard`" in page)


@pytest.mark.parametrize("name", TASKS)
def test_the_table_of_tasks_says_what_the_code_says(name: str) -> None:
    """Condition, headline, new tokens and wall limit of each row."""
    (row,) = [line for line in (DOCS / "tasks.md").read_text("utf-8").splitlines() if line.startswith(f"| `{name}` |")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    spec = TASKS[name]
    shown = (cells[4], cells[5].strip("`"), cells[7], cells[8])
    assert (spec.condition, spec.headline, str(spec.max_gen_toks), f"{spec.limits.wall_seconds:g} s") == shown


def test_the_list_of_verdicts_is_the_code_s() -> None:
    """The closed list, in the code's order."""
    assert [status.value for status in Status] == first_cells(
        DOCS / "interfaces.md", "## 5. Verdicts and flags", "verdict"
    )


def test_the_list_of_flags_is_the_code_s() -> None:
    """The flags, in the code's order."""
    assert [flag.value for flag in Flag] == first_cells(DOCS / "interfaces.md", "## 5. Verdicts and flags", "flag")


def test_the_list_of_extraction_rules_is_the_code_s() -> None:
    """Every named rule is explained, and no other."""
    assert sorted(RULES) == sorted(first_cells(DOCS / "interfaces.md", "## 4. Metrics", "extraction rule"))


def test_every_fim_family_is_listed_with_its_orders() -> None:
    """The table of docs/fim.md holds the registry, in its order."""
    lines = (DOCS / "fim.md").read_text("utf-8").splitlines()
    listed = first_cells(DOCS / "fim.md", "## The families", "id")
    assert list(load_formats()) == listed
    for family in load_formats().values():
        row = next(line for line in lines if line.startswith(f"| `{family.id}` |"))
        assert [family.trained, ", ".join(family.orders) or "-"] == [cell.strip() for cell in row.split("|")[2:4]]


def test_every_model_of_ours_is_named() -> None:
    """docs/interfaces.md speaks of each model class, and no page of one that does not exist."""
    text = (DOCS / "interfaces.md").read_text("utf-8")
    assert [] == [model for model in MODELS if model not in text]
    written = {name for page in PAGES for name in re.findall(r"--model (itax-[a-z-]+)", page.read_text("utf-8"))}
    assert set() == written - set(MODELS) - set(BUNDLED)


def example() -> tuple[Run, list[Outcome]]:
    """A run and two outcomes; the second has every optional field."""
    task = TaskRun(
        task="t",
        version=1.0,
        condition="raw",
        protocol="official",
        headline="pass@1",
        extraction="raw",
        data={"source": "package", "sha256": "0" * 64, "rows": 2, "files": []},
        limits={},
        samples_per_item=1,
        n_items=2,
    )
    first = Outcome(
        task="t", task_id="a", sample=0, cluster="a", verdict=Status.PASSED, passed=True, completion="x", metrics={}
    )
    second = replace(
        first, task_id="b", cluster="b", detail="why", plus_passed=True, test_classes={"T": True}, groups=("g",)
    )
    second = replace(second, generation={"tokens": 3, "finish": "stop"})
    return Run(model="m", tasks={"t": task}), [first, second]


@pytest.fixture
def written(tmp_path: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What `write_score_dir` puts on disk, read as plain JSON."""
    write_score_dir(tmp_path, *example())
    rows = (tmp_path / "outcomes.jsonl").read_text("utf-8").splitlines()
    return json.loads((tmp_path / "run.json").read_text("utf-8")), [json.loads(row) for row in rows]


def test_the_fields_of_run_json(written: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    """The tables of run.json and of one task in it name the fields that are written, in their order."""
    run, _ = written
    assert list(run) == first_cells(DOCS / "interfaces.md", "### run.json", "field")
    assert list(run["tasks"]["t"]) == first_cells(DOCS / "interfaces.md", "### run.json, one task", "field")


def test_the_fields_of_outcomes(written: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    """The table of outcomes.jsonl names every field; those called optional are the ones left out."""
    _, (plain, full) = written
    listed = first_cells(DOCS / "interfaces.md", "### outcomes.jsonl", "field")
    assert list(full) == listed
    assert [
        name for name in listed if name not in ("detail", "plus_passed", "test_classes", "groups", "generation")
    ] == list(plain)


def test_the_fields_of_comparison_json() -> None:
    """Both tables of comparison.json, in the order of the file."""
    comparison: Comparison = compare(example(), example(), resamples=100)
    content = comparison.to_dict()
    lines = (DOCS / "interfaces.md").read_text("utf-8").splitlines()
    top = first_cells(DOCS / "interfaces.md", "### comparison.json", "field")
    assert list(content) == top
    one = "One benchmark:"
    assert one in lines
    assert list(content["benchmarks"][0]) == first_cells(DOCS / "interfaces.md", one, "field")
    assert set(PairedMetric.__dataclass_fields__) < set(content["benchmarks"][0])
    assert list(Component.__dataclass_fields__) == first_cells(DOCS / "interfaces.md", "One component:", "field")


def test_the_limits_named_are_those_recorded() -> None:
    """The row `limits` of a task in run.json names every limit."""
    (row,) = [
        line for line in (DOCS / "interfaces.md").read_text("utf-8").splitlines() if line.startswith("| `limits`")
    ]
    assert [] == [name for name in Limits.__dataclass_fields__ if f"`{name}`" not in row]


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_no_page_speaks_of_the_machine_it_was_written_on(page: Path) -> None:
    """No absolute path of a home, a work folder or a temporary folder."""
    assert [] == re.findall(r"(?<![\w.])/(?:work|root|tmp/\w+|home/\w+)\b[^\s`]*", page.read_text("utf-8"))


def test_the_page_of_commands_is_what_the_program_prints() -> None:
    """docs/commands.md holds every verb's help; `python -m itax_tasks.cli.help_page > docs/commands.md` mends it."""
    from itax_tasks.cli.help_page import page

    assert page() == (DOCS / "commands.md").read_text("utf-8")
