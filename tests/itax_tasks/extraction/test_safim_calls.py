"""SAFIM's counting rules, official and mended, on answers written here."""

from __future__ import annotations

import pytest

from itax_tasks.extraction.safim_calls import api_call, api_call_fixed, control, control_fixed


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("f(a, g(b))", "f(a, g(b)) + 1"),
        ("a(b)", "a(b).c(d)"),
        ("name", "name"),
        ("x)", "x) + y"),
        ("f(')", "f(')')"),
        ("", ""),
    ],
)
def test_an_api_call_ends_with_the_first_bracket_that_leaves_nothing_open(expected: str, answer: str) -> None:
    """Chains and quoted brackets are cut too: that is the official rule."""
    assert expected == api_call(answer)


@pytest.mark.parametrize(
    ("expected", "answer"),
    [
        ("a(b).c(d)", "a(b).c(d)"),
        ("a(b)\n    .c(d)", "a(b)\n    .c(d);\nnext();"),
        ("a(b)->c(d)", "a(b)->c(d);"),
        ("f(')')", "f(')') + 1"),
        ("f(a)[0].g()", "f(a)[0].g() - 1"),
        ("x", "x) + y"),
        ("name", "name"),
    ],
)
def test_the_mended_rule_follows_a_chain_and_reads_over_literals(expected: str, answer: str) -> None:
    """What belongs to one expression stays."""
    assert expected == api_call_fixed("cpp", answer)


@pytest.mark.parametrize(
    ("expected", "language", "answer"),
    [
        ("i < n", "java", "i < n) { x(); }"),
        ("f(i) && g(i)", "cpp", "f(i) && g(i)"),
        ("s[i] == '", "cpp", "s[i] == ')'"),
        ("    x > 0:", "python", "\n  \n    x > 0:\n    y = 1\n"),
        ("", "python", " \n"),
    ],
)
def test_control_ends_before_the_bracket_nothing_opened(expected: str, language: str, answer: str) -> None:
    """Python: the first line with text, indentation kept; elsewhere quotes are not understood."""
    assert expected == control(language, answer)


@pytest.mark.parametrize(
    ("expected", "language", "answer"),
    [
        ("s[i] == ')'", "cpp", "s[i] == ')') { x(); }"),
        ('t.equals(")")', "java", 't.equals(")")) return;'),
        ("a /* ) */ > b", "csharp", "a /* ) */ > b) {"),
        ("x == ')':", "python", "x == ')':\n  y"),
    ],
)
def test_mended_control_reads_over_literals_and_comments(expected: str, language: str, answer: str) -> None:
    """A quoted bracket closes nothing."""
    assert expected == control_fixed(language, answer)
