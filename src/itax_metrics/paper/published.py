"""The paper's tables 1 to 9 as data: every printed figure with the place where it stands.

The figures are facts taken from "Lost in the Flow with Code Talkers: Unveiling the Instruction-Tuning Tax of Large
Language Models in Code Tasks" (table numbers as there); table 7 is also there as the authors' public artifact holds it
(repository arkosioscambions/CodeTalkers, `results/rq2_table7.csv`, commit e0e225a). Nothing is corrected here: what
does not fit together is the business of the audit.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any

from itax_metrics.errors import ConfigError

TITLES: Mapping[str, str] = MappingProxyType(
    {
        "1": "Benchmarks and their sizes",
        "2": "Scores of Qwen2.5-Coder (Pass@1, exact match for ClassEval-Infilling), with the relative change printed",
        "3": "Scores of DeepSeek-Coder, with the relative change printed",
        "4": "Items solved by one model of a pair alone, and McNemar's chi-square with continuity correction",
        "5": "Failure categories, infilling: percent of 50 sampled failures",
        "6": "Failure categories, completion: percent of 50 sampled failures",
        "7": "Behaviour metrics, task-weighted percent; conditional: the figure in parentheses",
        "7_artifact": "Table 7 as the authors' artifact holds it",
        "8": "Scores of the checkpoints of a Magicoder-style tuning of Qwen2.5-Coder-7B",
        "9": "Averages of table 8 by kind of task and stage, and their relative change",
    }
)

SIZES: Mapping[str, int] = MappingProxyType(
    {
        "HEFIM": 1033,
        "SAFIM": 17720,
        "ClassEval-Infilling": 2557,
        "BigCodeBench": 1140,
        "ClassEval-Completion": 396,
        "DS-1000": 1000,
        "BigCodeBench-Instruct": 1140,
        "HumanEval": 164,
        "HumanEval+": 164,
        "MBPP": 399,
        "MBPP+": 399,
    }
)
"""Items by column name, from table 1; the two `+` columns share their benchmark's items."""

INFILLING = ("HEFIM", "SAFIM", "ClassEval-Infilling")
COMPLETION = ("BigCodeBench", "ClassEval-Completion")
PAIRS: Mapping[str, tuple[str, str, tuple[str, ...]]] = MappingProxyType(
    {
        "2": ("Qwen2.5-Coder", "Q", ("1.5b", "7b", "14b", "32b")),
        "3": ("DeepSeek-Coder", "D", ("1.3b", "6.7b", "33b")),
    }
)
"""Score table -> family, its letter, sizes as the row names spell them."""

TABLE_4_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "HE-FIM": "HEFIM",
        "SAFIM": "SAFIM",
        "CE-Inf": "ClassEval-Infilling",
        "CE-Comp": "ClassEval-Completion",
        "BCB": "BigCodeBench",
    }
)
"""Table 4's abbreviations -> the column names of tables 2 and 3."""


@dataclass(frozen=True, slots=True)
class Table:
    """One printed table: column names, and rows as printed."""

    number: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    labels: int
    """How many leading columns name the row."""

    def name(self, row: Mapping[str, str]) -> str:
        """The row's name: its leading columns."""
        return " ".join(row[column] for column in self.columns[: self.labels] if row[column])

    def value(self, row: str, column: str) -> float:
        """One figure as a number.

        Raises:
            ConfigError: there is no such cell, or it holds no number.
        """
        for entry in self.rows:
            if self.name(entry) == row and column in entry:
                try:
                    return float(entry[column])
                except ValueError:
                    break
        raise ConfigError(f"table {self.number} has no figure in row {row!r}, column {column!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Every cell with its source: table, row, column, and the figure as printed."""
        cells = [
            {"table": self.number, "row": self.name(row), "column": column, "printed": row[column]}
            for row in self.rows
            for column in self.columns[self.labels :]
            if row[column]
        ]
        return {"table": self.number, "title": self.title, "cells": cells}


_LABELS = {"1": 2, "2": 1, "3": 1, "4": 3, "5": 1, "6": 1, "7": 2, "7_artifact": 2, "8": 2, "9": 1}


@cache
def table(number: str) -> Table:
    """Read one table of the paper.

    Raises:
        ConfigError: there is no table of that number; the message lists them.
    """
    if number not in TITLES:
        raise ConfigError(f"There is no table {number!r} of figures. Tables: {', '.join(TITLES)}.")
    text = (resources.files(__package__) / "tables" / f"table{number}.csv").read_text("utf-8")
    reader = csv.DictReader(text.splitlines())
    rows = tuple(MappingProxyType(dict(row)) for row in reader)
    return Table(number, TITLES[number], tuple(reader.fieldnames or ()), rows, _LABELS[number])


def score(family: str, size: str, variant: str, benchmark: str) -> float:
    """A score of table 2 or 3: family `Qwen2.5-Coder` or `DeepSeek-Coder`, size `7b`, variant `base` or `instruct`."""
    number = next(key for key, (name, _, _) in PAIRS.items() if name == family)
    return table(number).value(f"{size}-{variant}", benchmark)
