"""The index of docs/metrics/, made from the pages and the tables of tasks and measures.

    python -m tests.docs.metric_index

writes it into docs/metrics/README.md; `test_metric_pages.py` says when that is due.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from itax_metrics.behavior import BUILTIN
from itax_tasks.tasks import TASKS

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "metrics"
README = FOLDER / "README.md"
HEAD = "| metric | what it is | page |\n|---|---|---|\n"


def pages() -> list[Path]:
    """Every page of a metric."""
    return sorted(path for path in FOLDER.glob("*.md") if path != README)


def declared(page: Path) -> list[str]:
    """The metrics a page is about, from the paragraph that begins with `Metrics:`."""
    found = re.search(r"^Metrics: (.*?)\n\n", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`]+)`", found[1]) if found else []


def reported() -> dict[str, str]:
    """Every metric of a task and every behaviour -> what it is, in a line."""
    families: dict[str, list[str]] = {}
    for spec in TASKS.values():
        for metric in spec.measures:
            families.setdefault(metric, []).append(spec.family)
    known = {metric: f"pass or match: {', '.join(dict.fromkeys(names))}" for metric, names in families.items()}
    return known | {behavior.name: f"{behavior.about} ({behavior.unit})" for behavior in BUILTIN}


def rows() -> Iterator[tuple[str, str, str]]:
    """(metric, what it is, page), page by page in the order the metrics stand there."""
    what = reported()
    for page in pages():
        for metric in declared(page):
            yield metric, what.get(metric, "derived, see the page"), page.name


def table() -> str:
    """The index as Markdown."""
    return HEAD + "".join(f"| `{metric}` | {what} | [{name}]({name}) |\n" for metric, what, name in rows())


def main() -> None:
    """Write the index behind the text of docs/metrics/README.md."""
    text = README.read_text("utf-8").partition(HEAD)[0]
    README.write_text(text + table(), "utf-8")


if __name__ == "__main__":
    main()
