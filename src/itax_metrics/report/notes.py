"""What a reader of a comparison's numbers must know, each thing said once: equal notes name all they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Note = tuple[str, str]
"""(what it is about, what it says)."""


def benchmark_notes(content: Mapping[str, Any]) -> list[Note]:
    """What was left out and what differs, by benchmark; benchmarks of which the same is said share a note.

    Args:
        content: of `comparison.json`.
    """
    about: dict[str, list[str]] = {}
    for entry in content["benchmarks"]:
        dropped = entry["dropped"]
        counts = [f"{len(dropped[side])} missing in {side}" for side in ("base", "instruct") if dropped[side]]
        counts += [f"{dropped['neither']} missing in both"] if dropped["neither"] else []
        left_out = [f"left out {', '.join(counts)}"] if counts else []
        for said in (*left_out, *entry["warnings"]):
            about.setdefault(said, []).append(entry["task"])
    return [(", ".join(names), said) for said, names in about.items()]


def run_notes(content: Mapping[str, Any]) -> list[Note]:
    """The notes of both score directories; those that say the same of several tasks, or of both runs, are one.

    A note that begins with a task of its run is about that task.

    Args:
        content: of `comparison.json`.
    """
    about: dict[str, dict[str, list[str]]] = {}
    for side in ("base", "instruct"):
        for note in content[side].get("notes") or ():
            task, colon, rest = note.partition(": ")
            named = colon and task in content[side]["tasks"]
            names = about.setdefault(rest if named else note, {}).setdefault(side, [])
            names += [task] if named else []
    return [(" and ".join(_run(side, names) for side, names in sides.items()), said) for said, sides in about.items()]


def _run(side: str, names: Sequence[str]) -> str:
    return f"{side} run ({', '.join(names)})" if names else f"{side} run"
