"""The generator: every program does what its tests say, and training never shows a held-out composition."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from itax_tasks.tune.tiny.chat_data import stage_1, stage_2
from itax_tasks.tune.tiny.checks import check_source, every_line_counts, inputs_for, results
from itax_tasks.tune.tiny.documents import document
from itax_tasks.tune.tiny.draws import Draws
from itax_tasks.tune.tiny.heldout import rows
from itax_tasks.tune.tiny.masks import line_hole, training_hole
from itax_tasks.tune.tiny.operations import FINALS, STEPS
from itax_tasks.tune.tiny.programs import Program, held_out, held_out_program, training_program

SAMPLES = 20_000


def programs(count: int, seed: int = 11) -> Iterator[Program]:
    """Programs as training draws them."""
    draws = Draws(seed)
    for _ in range(count):
        yield training_program(draws)


def test_every_program_passes_its_own_tests() -> None:
    """The expected values stand in the test as literals, and the program reaches them."""
    draws = Draws(3)
    for program in programs(400):
        namespace: dict[str, object] = {}
        test = check_source(program, inputs_for(program.family, draws))
        exec(f"{program.source()}\n{test}\ncheck({program.name})", namespace)


def test_every_operation_runs_on_every_input_of_its_family() -> None:
    """No program of the generator raises, empty inputs included."""
    draws = Draws(5)
    for program in programs(1500):
        assert results(program.source(), program.name, inputs_for(program.family, draws)) is not None


def test_training_never_shows_a_held_out_composition() -> None:
    """Twenty thousand programs, none of a composition that any held-out item has."""
    seen = {program.composition for program in programs(SAMPLES)}
    kept_out = {row["composition"] for row in rows()}
    assert set() == seen & kept_out
    assert all(held_out(composition) for composition in kept_out)
    assert not any(held_out(composition) for composition in seen)


def test_training_shows_every_single_operation() -> None:
    """What is held out is the order, never an operation."""
    shown = {
        (program.family, name) for program in programs(SAMPLES) for name in program.composition.split(":")[1].split(">")
    }
    assert {(family, step.name) for family, steps in STEPS.items() for step in steps} <= shown
    assert {(family, final.name) for family, finals in FINALS.items() for final in finals} <= shown


def test_the_share_held_out_is_about_an_eighth() -> None:
    """The split by hash is neither empty nor everything."""
    compositions = {
        f"list:{a.name}>{b.name}>{f.name}" for a in STEPS["list"] for b in STEPS["list"] for f in FINALS["list"]
    }
    assert 0.10 < sum(map(held_out, compositions)) / len(compositions) < 0.15


@pytest.mark.parametrize("make", [document, lambda draws: stage_1(draws, 0.05), lambda draws: stage_2(draws, 0.05)])
def test_equal_seeds_give_equal_streams(make: object) -> None:
    """The same seed, the same texts; another seed, others."""
    assert callable(make)

    def stream(seed: int) -> list[str]:
        draws = Draws(seed)
        return [make(draws).text for _ in range(50)]

    assert stream(4) == stream(4)
    assert stream(4) != stream(5)


def test_the_stream_is_the_same_on_every_python() -> None:
    """A digest fixed in advance: the weights of the package can be trained again from it."""
    draws = Draws(0)
    made = [
        make(draws) for _ in range(200) for make in (document, lambda d: stage_1(d, 0.05), lambda d: stage_2(d, 0.05))
    ]
    text = "\0".join(example.text for example in made)
    assert (
        "b2e75586c1c098cb8ec2e72829d3cf4c4e4765599240f04e9b9ff6c53cfd9a2e" == hashlib.sha256(text.encode()).hexdigest()
    )


@given(st.integers(min_value=0, max_value=10_000))
def test_a_hole_gives_the_document_back(seed: int) -> None:
    """Prefix, middle and suffix joined are the document, and the middle is never empty."""
    draws = Draws(seed)
    program = training_program(draws)
    head = program.signature + program.docstring
    hole = training_hole(head, program, draws)
    assert program.source() == hole.prefix + hole.middle + hole.suffix
    assert hole.middle
    assert hole.prefix.startswith(head)


def test_a_line_hole_is_one_line() -> None:
    """Its middle is the line with its newline."""
    program = next(programs(1))
    for number, line in enumerate(program.body):
        assert line == line_hole("", program, number).middle


def test_inputs_notice_any_missing_line() -> None:
    """A program that `every_line_counts` accepts fails its test with any one line gone."""
    draws = Draws(8)
    accepted = 0
    while accepted < 40:
        program = held_out_program(draws)
        given_inputs = inputs_for(program.family, draws)
        if not every_line_counts(program, given_inputs):
            continue
        accepted += 1
        expected = results(program.source(), program.name, given_inputs)
        for gone in range(len(program.body)):
            body = "".join(line for number, line in enumerate(program.body) if number != gone)
            assert expected != results(program.signature + body, program.name, given_inputs)


@pytest.mark.parametrize("seed", [0, 1])
def test_draws_keep_their_bounds(seed: int) -> None:
    """`between` reaches both ends and nothing beyond; shuffling loses nothing."""
    draws = Draws(seed)
    assert {2, 3, 4} == {draws.between(2, 4) for _ in range(200)}
    assert list(range(20)) == sorted(draws.shuffled(range(20)))
    assert {"a"} == {draws.weighted((("a", 1.0), ("b", 0.0))) for _ in range(50)}
