"""ClassEval: the rows of the derivations, and its judges on a toy class that really runs."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from itax_metrics.execution import LocalExecutor, environment_creation, environments, probe
from itax_metrics.execution.environments import Pins
from itax_metrics.execution.programs import Limits, Program
from itax_metrics.records import Item, Status, Verdict
from itax_metrics.unavailable import unavailable, unavailable_note
from itax_tasks.benchmarks import classeval
from itax_tasks.benchmarks.classeval import completion, cues, environment, hub, infilling, judging
from itax_tasks.benchmarks.classeval.source import Problem, load_problems
from itax_tasks.scoring import Answer, rates, score
from itax_tasks.settings import Settings
from itax_tasks.tasks import task

TESTS = """\
import os
import unittest

class CounterTestAdd(unittest.TestCase):
    def test_add(self):
        print("FAILED (errors=1)")
        self.assertEqual(3, Counter().add(1, 2))

    def test_add_nothing(self):
        self.assertEqual(0, Counter().add(0, 0))

class CounterTestNothing(unittest.TestCase):
    pass

class CounterTestSetUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise OSError("no such device")

    def test_never(self):
        pass

class CounterTestFolder(unittest.TestCase):
    def test_the_folder_is_empty_but_for_the_module(self):
        self.assertEqual(["toy_0.py"], os.listdir("."))
        open("left_behind", "w").close()
"""

ADD = "class Counter:\n    def add(self, a, b):\n        return a {} b\n"


def toy(**payload: object) -> Item:
    """An item of a class that was written for these tests."""
    names = ("CounterTestAdd", "CounterTestNothing", "CounterTestSetUp", "CounterTestFolder")
    problem = Problem("toy", "Counter", ADD.format("+"), "", "", TESTS, names, (), True)
    given = {"problem": problem, "method": "add", "test_classes": ("CounterTestAdd",), "lacking": None, **payload}
    return Item("toy/add", "", cluster="toy", payload=given)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Verdict]:
    """Run a decision in an environment named as ClassEval's that holds nothing: the toy needs no library."""
    if not probe().contained:
        pytest.skip(probe().summary())
    folder = tmp_path_factory.mktemp("environments")
    here = f"{sys.version_info[0]}.{sys.version_info[1]}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(environment_creation, "_VENV", ("-m", "venv", "--without-pip"))
        patch.setattr(environments, "pinned", lambda: {"classeval": Pins("classeval", here, (), "tests", True, ())})
        environment_creation.create("classeval", folder)

    def decide(decision: object) -> Verdict:
        if isinstance(decision, Verdict):
            return decision
        assert isinstance(decision, Program)
        patient = replace(decision, limits=replace(decision.limits, wall_seconds=30.0))
        with LocalExecutor(workers=1, environments_folder=folder) as executor:
            return executor.run([patient])[0]

    return decide


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The official file, or a skip."""
    folder = os.environ.get("ITAX_DATA_DIR")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ITAX_DATA_DIR does not name a folder with the official benchmark files")
    return Settings(data_dir=Path(folder), state_dir=tmp_path)


# Judges


def test_a_right_class_passes_whatever_its_tests_print(run: Callable[..., Verdict]) -> None:
    """Printed text is no report."""
    assert Status.PASSED is run(judging.by_method(toy(), ADD.format("+"), judging.LIMITS)).status


def test_a_wrong_class_fails_and_says_where(run: Callable[..., Verdict]) -> None:
    """The first failing test and its assertion stand in the detail."""
    verdict = run(judging.by_method(toy(), ADD.format("-"), judging.LIMITS))
    assert (Status.FAILED, "TestsFailed: 1 of 2: test_add: AssertionError: 3 != -1") == (verdict.status, verdict.detail)


@pytest.mark.parametrize(
    ("code", "names", "says"),
    [
        ("class Counter:\n    pass\n", ("CounterTestAdd",), "2 of 2: test_add: AttributeError"),
        ("class Counter:\n    def (\n", ("CounterTestAdd",), "SyntaxError"),
        (ADD.format("+"), ("CounterTestNothing",), "no test ran"),
        (ADD.format("+"), ("CounterTestSetUp",), "no such device"),
        (ADD.format("+"), ("CounterTestMissing",), "no attribute 'CounterTestMissing'"),
        ("import sys\nsys.exit(0)\n", ("CounterTestAdd",), "SystemExit"),
        ("class Counter:\n    def add(self, a, b):\n        exit(0)\n", ("CounterTestAdd",), "SystemExit: 0"),
    ],
)
def test_what_cannot_be_tested_is_an_error(
    code: str, names: tuple[str, ...], says: str, run: Callable[..., Verdict]
) -> None:
    """Nothing but a test that ran and did not fail is a pass."""
    verdict = run(judging.by_method(toy(test_classes=names), code, judging.LIMITS))
    assert Status.ERROR is verdict.status
    assert says in verdict.detail


def test_each_test_class_has_a_folder_of_its_own(run: Callable[..., Verdict]) -> None:
    """What one leaves behind the next does not find."""
    programs = judging.by_class(toy(), ADD.format("+"), judging.LIMITS)
    assert not isinstance(programs, Verdict)
    again = replace(programs["CounterTestFolder"], source=programs["CounterTestFolder"].source + "\n")
    assert [Status.PASSED] * 2 == [run(each).status for each in (programs["CounterTestFolder"], again)]


def test_a_class_is_scored_by_the_share_of_its_test_classes() -> None:
    """Every official name has a program, and the outcome keeps each verdict."""

    class Half:
        def run(self, programs: list[Program], **_: object) -> list[Verdict]:
            return [Verdict(Status.PASSED if n % 2 else Status.FAILED) for n, _ in enumerate(programs)]

    spec = task("itax_classeval_holistic")
    item = toy()
    (outcome,) = score(spec, {item.task_id: item}, [Answer(item.task_id, 0, "class Counter: ...")], Half())
    assert {"pass@1": 0.0, "pass@1_test_classes": 0.5} == outcome.metrics
    assert outcome.test_classes is not None
    assert [False, True, False, True] == list(outcome.test_classes.values())
    assert item.payload["problem"].test_classes == tuple(outcome.test_classes)


def test_the_paper_s_rule_runs_the_whole_module_for_three_times_as_long() -> None:
    """All test classes in one program; 15 s where the official limit is 5, scaled alike."""
    program = judging.by_whole_module(toy(), "", judging.LIMITS.scaled(2.0))
    assert isinstance(program, Program)
    assert 30.0 == program.limits.wall_seconds
    assert all(name in program.source for name in toy().payload["problem"].test_classes)


def test_without_the_environment_only_exact_match_is_decided() -> None:
    """Nothing is executed, and the verdict says what to do."""
    item = replace(toy(lacking="Make it with `itax env create classeval`.", around=("", "")), truth="x")
    limits = Limits()
    for decision in (judging.by_method, judging.by_class, judging.by_whole_module):
        verdict = decision(item, "code", limits)
        assert isinstance(verdict, Verdict)
        assert (False, ("pending",)) == (verdict.decided, verdict.flags)
        assert "itax env create classeval" in verdict.detail
    assert judging.same_text(item, " x\n", limits).passed


def test_the_published_file_passes_without_running() -> None:
    """Equal text is right even where its test cannot pass."""
    item = toy(lacking="nothing is here")
    assert Verdict(Status.PASSED) == judging.by_method_or_equality(item, ADD.format("+"), judging.LIMITS)
    changed = judging.by_method_or_equality(item, ADD.format("-"), judging.LIMITS)
    assert isinstance(changed, Verdict)
    assert not changed.decided


@pytest.mark.parametrize(("answer", "equal"), [("  x = 1", True), ("\n x = 1 \n", True), ("x=1", False), ("", False)])
def test_exact_match_strips_both_ends_and_nothing_else(answer: str, equal: bool) -> None:
    """The artifact's comparison."""
    item = replace(toy(), truth="        x = 1")
    assert equal is judging.same_text(item, answer, judging.LIMITS).passed


def test_a_missing_environment_is_said_before_generation(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Once at loading, with the command that makes it."""
    reason = environment.lacking(Settings(state_dir=tmp_path))
    assert reason is not None
    assert "itax env create classeval" in reason
    assert [reason] == [record.getMessage().removeprefix("itax: ") for record in caplog.records]


def test_items_that_cannot_pass_are_flagged_and_left_out_of_one_rate() -> None:
    """`env_unavailable` on the outcome; `pass@1_env_ok` is over the others."""

    class All:
        def run(self, programs: list[Program], **_: object) -> list[Verdict]:
            return [Verdict(Status.FAILED if "ClassEval_48" in each.source else Status.PASSED) for each in programs]

    spec = task("itax_classeval_completion")
    items = {}
    for task_id, method in (("ClassEval_48", "get_hostname"), ("ClassEval_1", "calculate_circle_area")):
        problem = replace(toy().payload["problem"], task_id=task_id)
        item = replace(toy(problem=problem, method=method, around=("", "")), task_id=f"{task_id}/{method}")
        items[item.task_id] = item
    outcomes = score(spec, items, [Answer(name, 0, "        pass\n") for name in items], All())
    assert [("env_unavailable",), ()] == [outcome.flags for outcome in outcomes]
    assert (0.5, 1.0) == (rates(spec, outcomes)["pass@1"], rates(spec, outcomes)["pass@1_env_ok"])


def test_a_line_whose_test_cannot_pass_can_be_right() -> None:
    """The flag stays with its tests; the headline compares texts, and what is said of the item says so."""

    class Failing:
        def run(self, programs: list[Program], **_: object) -> list[Verdict]:
            return [Verdict(Status.FAILED) for _ in programs]

    spec = task("itax_classeval_infilling")
    problem = replace(toy().payload["problem"], task_id="ClassEval_48")
    item = replace(toy(problem=problem, method="get_hostname", around=("", "")), truth="        x = 1")
    (outcome,) = score(spec, {item.task_id: item}, [Answer(item.task_id, 0, item.truth)], Failing())
    assert (True, 1.0, ("env_unavailable",)) == (outcome.passed, outcome.metrics["exact_match"], outcome.flags)
    assert "exact_match runs none" in unavailable_note(unavailable([outcome]), spec.headline)


# Cues


def test_comments_go_and_code_stays() -> None:
    """Lines that held nothing else go whole; a mark within a string is no comment."""
    source = "import os  # why\n# alone\nx = '# no'\ny = '''\n# text\n'''  # end\n"
    assert ("import os\nx = '# no'\ny = '''\n# text\n'''\n", "") == cues.without_comments(source)


def test_the_hole_itself_is_left_out_of_both_sides() -> None:
    """A comment in the hole is the truth, not a cue."""
    assert ("a = 1\n", "\nb = 2") == cues.without_comments("a = 1 # one\n# hole\n# two\nb = 2 # three", 1)


# The official file


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("itax_classeval_infilling", 2557),
        ("itax_classeval_infilling_cue", 2557),
        ("itax_classeval_infilling_no_cue", 2557),
        ("itax_classeval_completion", 396),
        ("itax_classeval_completion_full", 410),
        ("itax_classeval_completion_no_cue", 396),
        ("itax_classeval_holistic", 100),
    ],
)
def test_a_task_has_its_published_rows(name: str, rows: int, settings: Settings) -> None:
    """As many items as the paper states, each under an id of its own."""
    loaded = task(name).load(settings)
    assert (rows, rows, rows) == (len(loaded.items), len(loaded.by_id()), loaded.data["rows"])


def test_every_line_is_cut_out_of_its_file(settings: Settings) -> None:
    """Prefix, target and suffix are the published solution; the target is one line that is not blank."""
    problems = {problem.task_id: problem for problem in load_problems(settings)[0]}
    for item in infilling.load("file", settings).items:
        assert problems[item.cluster].solution == item.prefix + item.truth + item.suffix, item.task_id
        assert item.truth.strip()
        assert "\n" not in item.truth


def test_every_truth_is_put_back_by_every_infilling_task(settings: Settings) -> None:
    """Whatever was shown, the judged file is the published one, so every truth scores under every metric."""
    for context in ("file", "cue", "no_cue"):
        for item in infilling.load(context, settings).items:
            assert item.payload["problem"].solution == infilling.complete(item, item.truth), item.task_id


def test_cues_change_what_is_shown_and_nothing_that_runs(settings: Settings) -> None:
    """With the truth in the hole, each shown file is Python; only `_cue` has docstrings, only `_no_cue` no comments."""
    shown = {}
    for context in ("file", "cue", "no_cue"):
        files = [item.prefix + item.truth + item.suffix for item in infilling.load(context, settings).items[:400]]
        shown[context] = sum('"""' in text for text in files)
        for text in files:
            ast.parse(text)
    assert shown["file"] == shown["no_cue"] < 0.5 * shown["cue"]


def test_every_truth_of_completion_makes_a_whole_class(settings: Settings) -> None:
    """Skeleton and published body, the methods around them: Python, and the same methods as the solution."""
    for item in completion.load("full", settings).items:
        problem = item.payload["problem"]
        made, published = (ast.parse(text) for text in (completion.complete(item, item.truth), problem.solution))
        names = [
            [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)] for tree in (made, published)
        ]
        assert names[0] == names[1], item.task_id


def test_a_prompt_ends_with_the_docstring_or_without_it(settings: Settings) -> None:
    """The next line is the body's first; `_shown` shows what stands behind the hole before that."""
    for item in completion.load("paper", settings).items[:50]:
        assert item.prefix.endswith('"""\n'), item.task_id
        around = completion.text_around(item)
        assert around.endswith(item.prefix)
        assert item.payload["around"][1] in around
    for item in completion.load("no_cue", settings).items[:50]:
        assert item.prefix.endswith(":\n"), item.task_id


def test_every_unavailable_item_exists(settings: Settings) -> None:
    """The list of tests that cannot pass names methods of the set of 396."""
    known = {(item.cluster, item.payload["method"]) for item in completion.load("paper", settings).items}
    assert set(environment.UNAVAILABLE) <= known


def test_every_task_stands_in_the_list() -> None:
    """Lines in eight ways, methods in six, and whole classes."""
    assert 8 + 6 + 1 == len({spec.name for spec in classeval.TASKS})


# Conditions


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("infilling_fimchat", "{}"),
        ("infilling_chat", "{}"),
        ("infilling_chat_b", "The line:\n```python\n{}\n```"),
        ("infilling_prefill", "{}\n"),
        ("completion_chat", "The body:\n```python\n{}\n```"),
        ("completion_prefill", "{}"),
    ],
)
def test_a_published_answer_in_the_form_asked_for_is_right(name: str, form: str, settings: Settings) -> None:
    """Every metric puts the published line or body back, up to blank lines."""
    spec = task(f"itax_classeval_{name}")
    for item in spec.load(settings).items[::20]:
        for metric, measure in spec.measures.items():
            body = spec.body(item, metric, form.format(item.truth))
            if measure.decide is judging.same_text:
                assert item.truth.strip() == body.strip(), (item.task_id, metric)
            elif metric != "pass@1_paper":
                whole = measure.complete(item, item.truth)
                assert ast.dump(ast.parse(whole)) == ast.dump(ast.parse(body)), (item.task_id, metric)


def test_a_method_written_again_counts_leniently_and_not_strictly(settings: Settings) -> None:
    """A fenced reply that begins with the signature and docstring is not what was asked for."""
    spec = task("itax_classeval_completion_chat")
    item = spec.load(settings).items[0]
    again = item.prefix[item.prefix.rindex("    def ") :]
    answer = f"```python\n{again}{item.truth}```"
    strict, lenient = (spec.body(item, metric, answer) for metric in ("pass@1", "pass@1_lenient"))
    assert completion.complete(item, item.truth).split() == lenient.split()
    assert strict.split() != lenient.split()


# The authors' hub sets


def test_hub_rows_are_matched_and_their_ids_kept(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """White space may differ in a match and not in an equal row; `itax score` then knows their ids."""
    monkeypatch.setenv("ITAX_STATE_DIR", str(settings.state_dir))
    items = infilling.load("file", settings).items[:3]
    rows = [
        {"new_task_id": f"theirs_{n}", "prefix": item.prefix, "solution": item.truth, "suffix": item.suffix}
        for n, item in enumerate(items)
    ]
    rows[1]["solution"] = rows[1]["solution"].strip()
    rows[2]["solution"] = "pass"
    found = hub.compare_lines(rows, settings)
    assert (3, 2557, 1, ("theirs_1", "theirs_2")) == (found.rows, found.ours, found.equal, found.differing)
    hub.keep_ids(hub.LINES, found, settings)
    own_id = task("itax_classeval_infilling").own_id
    assert [items[0].task_id, items[1].task_id, "theirs_2"] == [own_id(f"theirs_{n}") for n in range(3)]


def test_hub_rows_of_methods_are_matched_by_class_and_name(settings: Settings) -> None:
    """Prompt and tests are compared; white space at a prompt's end is not."""
    items = completion.load("paper", settings).items[:2]
    rows = [
        {
            "new_task_id": f"theirs_{n}",
            "task_id": item.cluster,
            "method_name": item.payload["method"],
            "completion_code": item.prefix.rstrip(),
            "test": item.payload["problem"].tests if n == 0 else "",
        }
        for n, item in enumerate(items)
    ]
    found = hub.compare_methods(rows, settings)
    assert {f"theirs_{n}": item.task_id for n, item in enumerate(items)} == found.ids
    assert (1, ("theirs_1",)) == (found.equal, found.differing)
