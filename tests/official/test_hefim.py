"""HumanEval-Infilling against its own truth and its own scorer's verdicts: whole official files, real execution."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from tests.official.mutations import mutate_line

from itax_tasks.answers import read_answers
from itax_tasks.benchmarks import hefim
from itax_tasks.executors import make_executor
from itax_tasks.scoring import Answer, score
from itax_tasks.settings import Settings, read_settings
from itax_tasks.tasks import task

SUBSETS = {
    "itax_hefim": 1033,
    "itax_hefim_multi_line": 5815,
    "itax_hefim_random_span": 1640,
    "itax_hefim_random_span_light": 164,
}

pytestmark = [pytest.mark.xdist_group("official")]


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """The real data, a private state folder."""
    return read_settings({"data_dir": str(data_dir)})


def rates(name: str, answers: list[Answer], settings: Settings) -> dict[str, int]:
    """Passes by metric; asserts that every answer was decided."""
    spec = task(name)
    with make_executor(settings) as executor:
        outcomes = score(spec, spec.load(settings).by_id(), answers, executor)
    assert not [outcome for outcome in outcomes if not outcome.decided]
    return {metric: int(sum(outcome.metrics[metric] or 0 for outcome in outcomes)) for metric in outcomes[0].metrics}


def truths(name: str, settings: Settings) -> list[Answer]:
    """The canonical answers."""
    return [Answer(item.task_id, 0, item.truth) for item in task(name).load(settings).items]


@pytest.mark.parametrize("name", ["itax_hefim", "itax_hefim_random_span_light"])
def test_every_canonical_answer_passes(name: str, settings: Settings) -> None:
    """The truths of single-line and light score 100 %."""
    assert SUBSETS[name] == rates(name, truths(name, settings), settings)["pass@1"]


@pytest.mark.data
@pytest.mark.parametrize("name", ["itax_hefim_multi_line", "itax_hefim_random_span"])
def test_every_canonical_answer_of_the_long_subsets_passes(name: str, settings: Settings) -> None:
    """The truths of multi-line and random-span score 100 %."""
    assert SUBSETS[name] == rates(name, truths(name, settings), settings)["pass@1"]


def test_the_controls_stand_where_the_official_scorer_has_them(settings: Settings) -> None:
    """Empty answers pass where the hole was dead code (27 of 1,033); stripping both ends leaves 19 truths alive."""
    empty = [Answer(item.task_id, 0, "") for item in hefim.load("single_line", settings).items]
    assert 27 == rates("itax_hefim", empty, settings)["pass@1"]
    stripped = rates("itax_hefim", truths("itax_hefim", settings), settings)
    assert (19, 1033) == (stripped["pass@1_paper_strip"], stripped["pass@1_first_line"])


@pytest.mark.data
def test_a_truth_with_one_operator_changed_mostly_fails(settings: Settings) -> None:
    """Changing one operator or constant of the hole is noticed by the tests in most items that allow it."""
    changed = []
    for item in hefim.load("single_line", settings).items:
        line = mutate_line(item.truth)
        if line is not None:
            ast_ok = True
            try:
                ast.parse(item.prefix + line + item.suffix)
            except SyntaxError:
                ast_ok = False
            if ast_ok:
                changed.append(Answer(item.task_id, 0, line))
    passed = rates("itax_hefim", changed, settings)["pass@1"]
    print(f"\none operator or constant changed: {passed} of {len(changed)} still pass")
    assert len(changed) > 500
    assert passed / len(changed) < 0.25


@pytest.mark.parametrize(
    ("name", "stem", "passes"),
    [
        pytest.param("itax_hefim_random_span", "gpt-4o-mini_random_span", 415, marks=pytest.mark.data),
        ("itax_hefim_random_span_light", "gpt-4o-mini_random_span_light", 79),
    ],
)
def test_recorded_answers_get_the_official_verdicts(
    name: str, stem: str, passes: int, settings: Settings, recorded_dir: Path
) -> None:
    """Every verdict on gpt-4o-mini's answers equals the official scorer's."""
    stored = read_answers(recorded_dir / "hefim" / f"{stem}_results.jsonl.gz")
    spec = task(name)
    with make_executor(settings) as executor:
        outcomes = score(spec, spec.load(settings).by_id(), stored.answers, executor)
    differing = [o.task_id for o in outcomes if o.passed != stored.recorded[(o.task_id, o.sample)]]
    assert [] == differing
    assert (SUBSETS[name], passes) == (len(outcomes), sum(outcome.passed for outcome in outcomes))


def test_the_real_command_scores_the_canonical_answers(settings: Settings, data_dir: Path, tmp_path: Path) -> None:
    """lm_eval itself, on the light subset, prints 100 % and writes one sample a row."""
    pytest.importorskip("lm_eval")
    from itax_tasks.harness.host import run_lm_eval

    name = "itax_hefim_random_span_light"
    file = tmp_path / "truths.jsonl"
    lines = [{"task_id": a.task_id, "completion": a.text} for a in truths(name, settings)]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    arguments = ["--model", "itax-replay", "--model_args", f"completions={file},pretrained=truth", "--tasks", name]
    arguments += ["--confirm_run_unsafe_code", "--log_samples", "--output_path", str(tmp_path / "out")]
    run_lm_eval([*arguments, "--metadata", json.dumps({"data_dir": str(data_dir)})], only_ours=True)
    (results,) = (tmp_path / "out").glob("*/results_*.json")
    assert 1.0 == json.loads(results.read_text("utf-8"))["results"][name]["pass@1,none"]
    (samples,) = (tmp_path / "out").glob("*/samples_*.jsonl")
    assert SUBSETS[name] == len(samples.read_text("utf-8").splitlines())
