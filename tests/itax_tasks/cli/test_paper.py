"""`itax paper` as people and programs use it."""

from __future__ import annotations

import json

from click.testing import CliRunner

from itax_tasks.cli.paper import paper


def _run(*arguments: str) -> str:
    result = CliRunner().invoke(paper, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_audit_lists_the_cells_that_do_not_fit():
    """The figures that matter and the exception by name; warnings at the end."""
    text = _run("audit")
    assert "reproduced by rounding half up: 34, within .051: 35" in text
    assert "table 4, Qwen2.5-Coder 7B SAFIM, chi2  18.9     18.8497" in text
    assert "qwen-0.25" in text
    assert "do not fit." in text.splitlines()[-1]


def test_every_form_of_the_audit():
    """Markdown has tables, JSON has every cell, --all lists agreeing ones too."""
    assert "| where | printed | recomputed | verdict | note |" in _run("audit", "--markdown")
    checks = json.loads(_run("audit", "--json"))["checks"]
    assert 35 == len(next(check for check in checks if check["name"] == "chi-squares")["cells"])
    assert "135.1148" in _run("audit", "--all")
    assert "135.1148" not in _run("audit")


def test_show_prints_a_table_with_its_sources():
    """The list of tables; one as text; one with source cells."""
    assert "7_artifact" in _run("show")
    assert "37.87" in _run("show", "2")
    cells = json.loads(_run("show", "2", "--json"))["cells"]
    assert {"table": "2", "row": "1.5b-base", "column": "HEFIM", "printed": "43.37"} == cells[0]
