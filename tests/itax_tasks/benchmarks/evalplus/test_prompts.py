"""What a model is shown, character by character."""

from __future__ import annotations

from dataclasses import fields
from functools import partial

import pytest

from itax_metrics.records import Item
from itax_tasks.benchmarks.evalplus import prompts
from itax_tasks.spec import Dialogue
from itax_tasks.tasks import task

HUMANEVAL = Item("HumanEval/0", '\n\ndef f(x):\n    """Double x."""\n')
MBPP = Item("Mbpp/2", '"""\nWrite a function to double\nassert f(1) == 2\n"""\n')


def test_the_problem_as_it_stands() -> None:
    """Stripped, with one newline after it."""
    assert 'def f(x):\n    """Double x."""\n' == prompts.as_it_stands(HUMANEVAL)


def test_the_request_with_an_answer_that_has_begun() -> None:
    """A bare fence around the problem, a Python fence before the answer."""
    talk = prompts.prefilled(HUMANEVAL)
    ((role, text),) = talk.turns
    assert "user" == role
    assert text == prompts.INSTRUCTION + '\n```\ndef f(x):\n    """Double x."""\n```\n'
    assert talk.prefill == prompts.RESPONSE + "\n```python\n"


def test_the_request_alone() -> None:
    """A Python fence around the problem, nothing begun."""
    talk = prompts.requested(HUMANEVAL)
    wanted = prompts.INSTRUCTION + '\n```python\ndef f(x):\n    """Double x."""\n```'
    assert Dialogue((("user", wanted),)) == talk


def test_magicoder_s_request_of_humaneval() -> None:
    """The model goes on where the problem ends."""
    problem = '```python\ndef f(x):\n    """Double x."""'
    talk = prompts.magicoder_humaneval(HUMANEVAL)
    assert Dialogue((("user", f"Write a solution to the following problem:\n{problem}\n```"),), problem) == talk


@pytest.mark.parametrize("end", ["", "."])
def test_magicoder_s_request_of_mbpp(end: str) -> None:
    """The sentence ends in one full stop, and the assertion stands in a fence."""
    item = Item("Mbpp/2", MBPP.prefix.replace("double", f"double{end}"))
    wanted = (
        "Write a function to double. Your code should satisfy the following assertion:\n"
        "```python\nassert f(1) == 2\n```"
    )
    assert Dialogue((("user", wanted),), "```python") == prompts.magicoder_mbpp(item)


def test_where_answers_end() -> None:
    """The official stop strings of each condition; a free answer ends by itself."""
    ends = ("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(")
    assert (*ends, "\n```\n") == task("itax_humaneval_evalplus").stops
    assert () == task("itax_mbpp_evalplus_chat").stops
    assert (*ends, '\n"""', "\nassert") == task("itax_mbpp_evalplus_direct").stops
    assert ("```",) == task("itax_mbpp").stops


@pytest.mark.parametrize("family", ["humaneval", "mbpp"])
def test_the_prefill_sibling_is_the_plain_task_by_another_name(family: str) -> None:
    """EvalPlus's own form begins the answer, so the two differ in nothing that is asked or judged."""
    plain, sibling = task(f"itax_{family}_evalplus"), task(f"itax_{family}_evalplus_prefill")
    for field in fields(plain):
        if field.name not in ("name", "load", "measures"):
            assert getattr(plain, field.name) == getattr(sibling, field.name), field.name
    assert isinstance(plain.load, partial)
    assert isinstance(sibling.load, partial)
    assert (plain.load.func, plain.load.args) == (sibling.load.func, sibling.load.args)
    assert {name: measure.rule for name, measure in plain.measures.items()} == {
        name: measure.rule for name, measure in sibling.measures.items()
    }
