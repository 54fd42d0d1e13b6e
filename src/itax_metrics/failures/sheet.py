"""A sheet of failed answers for two people to label, blind: neither model nor rule stands in it.

For every model and benchmark a seeded sample without replacement, then all of it in one seeded order, so that a rater
cannot tell the models apart by position. The key that says what each row was is a file of its own.

Covered: CSV for a spreadsheet and one self-contained HTML page with buttons, both with model text made harmless: every
line has a gutter, so no cell begins a formula, and control characters are spelled out.
"""

from __future__ import annotations

import csv
import hashlib
import html
import io
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType

from itax_metrics.errors import DataError
from itax_metrics.failures.taxonomy import TITLES, Category
from itax_metrics.records import Item, Outcome

PER_CELL = 50
"""Failures a model and benchmark, as in the paper."""
MOST_CHARACTERS = 4000
MEANINGS: Mapping[Category, str] = MappingProxyType(
    {
        Category.EXTRA_CODE: "it writes more than was asked for: further functions, tests, or the code around it again",
        Category.IRRELEVANT_CONTEXT: "text that is no code, such as explanations or Markdown, keeps it from being read "
        "as a program",
        Category.SPECIAL_TOKENS: "it holds control tokens of the model as text",
        Category.FUNCTIONAL_MISMATCH: "it is code of the right extent that does something else, or is incomplete",
    }
)
"""What a rater is told; no rule and no order of precedence, for a rater is asked for judgement."""
COLUMNS = ("row", "benchmark", "before", "answer", "after", "truth", "verdict", "detail", "label", "comment")


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the sheet, with what the key keeps of it."""

    row: str
    """Says nothing by itself: a digest of what it stands for and of the seed."""
    model: str
    task: str
    task_id: str
    sample: int
    category: str | None
    """What the rules of `taxonomy` say."""
    cells: Mapping[str, str]


def draw(
    runs: Mapping[str, Sequence[Outcome]],
    find: Callable[[str, str, str], Item | None],
    *,
    seed: int = 0,
    per_cell: int = PER_CELL,
) -> list[Entry]:
    """Sample failed answers.

    Args:
        runs: Model to its outcomes.
        find: (model, task, task_id) to the item; None where its data are not here, which leaves the place blank.
        seed: Fixes sample and order. A model's sample does not depend on the other models.
        per_cell: Failures a model and benchmark; all of them where there are fewer.

    Raises:
        DataError: No run has a failed answer with a verdict.
    """
    entries = []
    for model, outcomes in runs.items():
        cells: dict[str, list[Outcome]] = {}
        for outcome in outcomes:
            if outcome.decided and not outcome.passed:
                cells.setdefault(outcome.task, []).append(outcome)
        for task, failures in sorted(cells.items()):
            failures.sort(key=lambda outcome: (outcome.task_id, outcome.sample))
            chosen = random.Random(f"{seed}/{model}/{task}").sample(failures, min(per_cell, len(failures)))
            entries += [_entry(model, outcome, find(model, task, outcome.task_id), seed) for outcome in chosen]
    if not entries:
        raise DataError("None of the runs has a failed answer, so there is nothing to label.")
    random.Random(seed).shuffle(entries)
    return entries


def as_csv(entries: Sequence[Entry]) -> str:
    """The sheet for one rater; the column `label` is theirs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        writer.writerow([entry.row, *(entry.cells.get(column, "") for column in COLUMNS[1:])])
    return out.getvalue()


def as_key(entries: Sequence[Entry], seed: int) -> str:
    """What each row was, as JSON; not for raters."""
    rows = [{name: value for name, value in asdict(entry).items() if name != "cells"} for entry in entries]
    return json.dumps({"seed": seed, "rows": rows}, indent=1) + "\n"


def as_html(entries: Sequence[Entry]) -> str:
    """The sheet as one page: buttons for the categories, answers kept in the browser, a button that saves the CSV."""
    labels = "".join(
        f'<label><input type="radio" name="ROW" value="{category.value}"> {html.escape(title)}</label>'
        for category, title in TITLES.items()
    )
    parts = []
    for number, entry in enumerate(entries, start=1):
        texts = "".join(
            f"<h3>{title}</h3><pre>{html.escape(_without_gutter(entry.cells[name]))}</pre>"
            for name, title in (("before", "before"), ("answer", "answer"), ("after", "after"), ("truth", "truth"))
            if entry.cells[name]
        )
        about = html.escape(f"{entry.cells['benchmark']}: {entry.cells['verdict']} {entry.cells['detail']}")
        parts.append(
            f'<section id="{entry.row}"><h2>{number} of {len(entries)}</h2><p>{about}</p>{texts}'
            f"<p>{labels.replace('ROW', entry.row)}</p></section>"
        )
    meanings = "".join(f"<li><b>{TITLES[name]}</b>: {html.escape(text)}.</li>" for name, text in MEANINGS.items())
    return _PAGE.replace("MEANINGS", meanings).replace("SECTIONS", "\n".join(parts))


def _without_gutter(text: str) -> str:
    return "\n".join(line.removeprefix("| ") for line in text.split("\n"))


def shown(text: str) -> str:
    """Model text for people: a gutter before every line, control characters and lone surrogates spelled out."""
    cut = text[:MOST_CHARACTERS]
    safe = "".join(
        character if character.isprintable() or character in "\n\t" else ascii(character)[1:-1] for character in cut
    )
    lines = [f"| {line}" for line in safe.split("\n")] if text else []
    if len(text) > len(cut):
        lines.append(f"({len(text) - len(cut)} more characters)")
    return "\n".join(lines)


def _entry(model: str, outcome: Outcome, item: Item | None, seed: int) -> Entry:
    identity = json.dumps([seed, model, *outcome.key])
    return Entry(
        row=hashlib.sha256(identity.encode()).hexdigest()[:12],
        model=model,
        task=outcome.task,
        task_id=outcome.task_id,
        sample=outcome.sample,
        category=outcome.category,
        cells={
            "benchmark": outcome.task,
            "before": shown(item.prefix[-MOST_CHARACTERS:]) if item else "",
            "answer": shown(outcome.completion),
            "after": shown(item.suffix[:MOST_CHARACTERS]) if item else "",
            "truth": shown(item.truth) if item else "",
            "verdict": outcome.verdict.value,
            "detail": shown(outcome.detail).removeprefix("| "),
        },
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Failed answers to label</title>
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<style>
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { max-width: 60rem; margin: 0 auto; padding: 1rem; }
section { border-top: 1px solid #8888; padding: .5rem 0; }
pre { overflow: auto; max-height: 24rem; padding: .5rem; border: 1px solid #8886; font-size: 13px;
  white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 4; margin: .3rem 0; }
h2 { font-size: 1rem; } h3 { font-size: .85rem; margin: .5rem 0 0; opacity: .7; }
label { display: inline-block; margin-right: 1.2rem; padding: .2rem 0; }
header { position: sticky; top: 0; background: Canvas; padding: .5rem 0; z-index: 1; }
</style></head><body>
<header><b>Failed answers</b>: choose one category for each. <span id="done"></span>
<button id="save">Save labels as CSV</button></header>
<details open><summary>What the categories mean</summary><ul>MEANINGS</ul>
<p>Where several fit, choose the one that does most of the harm. Choices are kept in this browser until you save.</p>
</details>
SECTIONS
<script>
const key = "itax-label:" + [...document.querySelectorAll("section")].map(s => s.id).join("").slice(0, 48);
const read = () => { try { return JSON.parse(localStorage.getItem(key) || "{}"); } catch { return {}; } };
const chosen = read();
const rows = [...document.querySelectorAll("section")].map(s => s.id);
const show = () => { document.getElementById("done").textContent =
  rows.filter(r => chosen[r]).length + " of " + rows.length + " done."; };
for (const box of document.querySelectorAll("input")) {
  box.checked = chosen[box.name] === box.value;
  box.addEventListener("change", () => {
    chosen[box.name] = box.value; show();
    try { localStorage.setItem(key, JSON.stringify(chosen)); } catch {}
  });
}
document.getElementById("save").addEventListener("click", () => {
  const text = ["row,label", ...rows.map(r => r + "," + (chosen[r] || ""))].join("\\r\\n") + "\\r\\n";
  const link = document.createElement("a");
  link.href = "data:text/csv;charset=utf-8," + encodeURIComponent(text);
  link.download = "labels.csv"; link.click();
});
show();
</script></body></html>
"""
