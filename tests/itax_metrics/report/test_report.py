"""The report: what stands in it, that nothing a model wrote acts in it, and what broken input does."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from itax_metrics.compare import compare
from itax_metrics.errors import ConfigError, DataError, PairingError
from itax_metrics.p_values import p_value
from itax_metrics.paper.measured import pair
from itax_metrics.records import Item, Outcome, Run, Status, TaskRun
from itax_metrics.report.content import build, pair_from_scores
from itax_metrics.report.details import CONTEXT, LONGEST
from itax_metrics.report.writing import write_report
from itax_metrics.store import read_score_dir, write_score_dir

TASK = TaskRun("itax_hefim", 1.0, "raw", "official", "pass@1", "raw", {"sha256": "a" * 64}, {}, 1, 0)
HOSTILE = '</pre><script>alert(1)</script><img src=x onerror="alert(2)">{{ 7*7 }}{% raw %}'


def _side(model: str, solved: str, task: str = "itax_hefim", answer: str = "x = 1\n", **fields):
    """One run; `solved` has a 1 or 0 for each item."""
    run = Run(model=model, tasks={task: replace(TASK, task=task, n_items=len(solved))})
    rows = [
        Outcome(
            task, f"i{i:03d}", 0, f"c{i // 2}", Status.PASSED if c == "1" else Status.FAILED, c == "1", answer, **fields
        )
        for i, c in enumerate(solved)
    ]
    return run, rows


def _pair(base: str = "1" * 20 + "0" * 10, instruct: str = "1" * 5 + "0" * 20 + "1" * 5, **fields):
    return pair_from_scores(
        _side("org/m-7B", base, **fields), _side("org/m-7B-Instruct", instruct, **fields), resamples=200
    )


def _page(tmp_path: Path, *pairs) -> str:
    return write_report(tmp_path / "report", build(pairs), "1.2.3").read_text("utf-8")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_holds_numbers_flips_and_settings(tmp_path: Path):
    """The tax with its sentence, the solved sets, both directions of flips, models and sandbox."""
    page = _page(tmp_path, _pair())
    assert "tax +33.3 points" in page
    assert "15 lost, 5 gained" in page
    assert page.count('<details class="lost">') == 15
    assert page.count('<details class="gained">') == 5
    assert "org/m-7B-Instruct" in page
    assert "sandbox layers" in page


def test_a_comparison_is_not_replaced_by_its_report(tmp_path: Path):
    """Whoever called it report.json keeps it, and nothing is written beside it; a report replaces a report."""
    folder = tmp_path / "report"
    folder.mkdir()
    one = _pair()
    (folder / "report.json").write_text(json.dumps(one.comparison))
    with pytest.raises(ConfigError, match=r"report\.json is a comparison .* name another --out"):
        write_report(folder, build([one]), "1")
    assert ["report.json"] == [path.name for path in folder.iterdir()]
    assert json.loads(json.dumps(one.comparison)) == json.loads((folder / "report.json").read_text())
    (folder / "report.json").unlink()
    for _ in range(2):
        write_report(folder, build([one]), "1")


def test_the_corrected_p_stand_beside_the_p_they_correct(tmp_path: Path):
    """In Markdown and on the page Holm and q follow the sign flips, not McNemar; all p are written alike."""
    report = build([_pair(), _pair(task="itax_hefim_l2r")])
    page = write_report(tmp_path / "report", report, "1").read_text("utf-8")
    text = (tmp_path / "report" / "report.md").read_text("utf-8")
    assert "| p McNemar | p (sign flips) | p Holm | q |" in text
    assert "<th>p<br>McNemar</th><th>p (sign<br>flips)</th><th>p Holm</th><th>q, all<br>cells</th>" in page
    row = report.paper["disagreement"][0]
    shown = [p_value(row[key]) for key in ("p_mcnemar", "p", "p_holm", "q")]
    assert " | ".join(shown) in text
    assert "".join(f"<td>{p}</td>" for p in shown) in page
    assert not re.search(r"[>| ]<? ?\.\d{2,4} *[<|]", text + page)


def test_notes_stand_on_the_page_once(tmp_path: Path):
    """What both runs say of a task is one line; so is what was left out."""
    base, instruct = (
        (replace(run, notes=("itax_hefim: 2 of 9.",)), rows) for run, rows in (_side("b", "11"), _side("i", "10"))
    )
    found = pair_from_scores(base, (instruct[0], instruct[1][:1]), resamples=100, on_missing="drop")
    page = _page(tmp_path, found)
    assert page.count("2 of 9.") == 1
    assert "<li>base run (itax_hefim) and instruct run (itax_hefim): 2 of 9.</li>" in page
    assert "<li>itax_hefim: left out 1 missing in instruct</li>" in page


def test_what_was_not_asked_alike_is_named(tmp_path: Path):
    """A note at the head of page and Markdown; a report of equal conditions has none."""
    base, (run, rows) = _side("b", "1100"), _side("i", "1000")
    chat = replace(TASK, task="itax_hefim_chat", condition="chat", n_items=4)
    rows = [*rows, *(replace(row, task="itax_hefim_chat") for row in rows)]
    run = replace(run, tasks={**run.tasks, "itax_hefim_chat": chat})
    page = _page(tmp_path, pair_from_scores(base, (run, rows), across="condition", resamples=100))
    said = "HEFIM (raw / chat): the two sides were not asked alike"
    assert said in page
    assert f"> {said}" in (tmp_path / "report" / "report.md").read_text("utf-8")
    assert "itax_hefim / itax_hefim_chat: 1 lost, 0 gained" in page
    assert "asked alike" not in _page(tmp_path, pair_from_scores(base, _side("i", "1000"), resamples=100))


def test_the_page_needs_no_network_and_runs_no_script(tmp_path: Path):
    """No script, no source or style from elsewhere, links to its own sections only, and a policy that forbids more."""
    tags = _Tags()
    tags.feed(_page(tmp_path, _pair()))
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "link", "iframe", "object", "embed", "img", "form", "base"}
    links = [attrs["href"] for tag, attrs in tags.seen if tag == "a"]
    assert links
    assert all(str(link).startswith("#") for link in links)
    policy = next(attrs["content"] for _, attrs in tags.seen if attrs.get("http-equiv") == "Content-Security-Policy")
    assert str(policy).startswith("default-src 'none'")
    assert not re.search(r"url\(|@import", (tmp_path / "report" / "report.html").read_text("utf-8"))


def test_section_links_lead_somewhere(tmp_path: Path):
    """Every link of the page has its target."""
    tags = _Tags()
    tags.feed(_page(tmp_path, _pair(), _pair(task="itax_hefim_l2r")))
    targets = {attrs["id"] for _, attrs in tags.seen if "id" in attrs}
    assert {str(attrs["href"])[1:] for tag, attrs in tags.seen if tag == "a"} <= targets


def test_what_a_model_wrote_is_text(tmp_path: Path):
    """Markup, script and template syntax in answers, ids, models and details appear as they are and do nothing."""
    base, instruct = _side(f"m{HOSTILE}", "10", answer=HOSTILE, detail=HOSTILE), _side("n", "01", answer="y")
    rows = [[replace(row, task_id=row.task_id + HOSTILE) for row in side[1]] for side in (base, instruct)]
    page = _page(tmp_path, pair_from_scores((base[0], rows[0]), (instruct[0], rows[1]), resamples=100))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ 7*7 }}" in page
    assert "<script" not in (tmp_path / "report" / "report.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("a\x00b\x1b[2J", "a\\x00b\\x1b[2J"),
        ("lone \ud800 half", "lone \\ud800 half"),
        ("abc\u202edcba", "abc\\u202edcba"),
        ("caf\u00e9 \u4f60\u597d", "caf\u00e9 \u4f60\u597d"),
        (bytes(range(256)).decode("latin-1"), "\\x7f\\x80"),
    ],
)
def test_junk_in_answers_is_spelled_out(tmp_path: Path, answer: str, shown: str):
    """Control characters, lone surrogates, marks that reorder text, binary junk: through disk and out."""
    sides = []
    for name, solved in (("base", "10"), ("instruct", "01")):
        write_score_dir(tmp_path / name, *_side(name, solved, answer=answer))
        sides.append(read_score_dir(tmp_path / name))
    page = _page(tmp_path, pair_from_scores(*sides, resamples=100))
    assert shown in page


def test_a_million_characters_are_cut_and_counted(tmp_path: Path):
    """The page stays small and says how long the answer was; the time stays short because the diff sees the cut."""
    page = _page(tmp_path, _pair("10", "01", answer="x" * 1_000_000))
    assert "[cut: 1000000 characters in all]" in page
    assert len(page) < 30_000 + 12 * LONGEST


def test_every_figure_is_well_formed(tmp_path: Path):
    """Each SVG parses, has a title, and names no outside address but the SVG namespace."""
    _page(tmp_path, _pair(category="extra_code"), _pair("1" * 9, "0" * 9, task="itax_hefim_l2r"))
    drawn = sorted((tmp_path / "report" / "figures").glob("*.svg"))
    assert {"tax", "slope_1", "slope_2", "failures", "solved_1_itax_hefim"} <= {path.stem for path in drawn}
    for path in drawn:
        root = ET.fromstring(path.read_text("utf-8"))
        assert root.find("{http://www.w3.org/2000/svg}title") is not None
        assert re.findall(r"https?://[^\"]+", path.read_text("utf-8")) == ["http://www.w3.org/2000/svg"]


def test_the_circles_have_the_areas_of_the_sets(tmp_path: Path):
    """40 against 10 solved: radii two to one."""
    _page(tmp_path, _pair("1" * 40 + "0" * 5, "1" * 10 + "0" * 35))
    drawing = (tmp_path / "report" / "figures" / "solved_1_itax_hefim.svg").read_text("utf-8")
    radii = [float(radius) for radius in re.findall(r' r="([\d.]+)"', drawing)]
    assert radii[0] == pytest.approx(2 * radii[2], abs=0.1)


def test_equal_inputs_give_equal_files(tmp_path: Path):
    """Twice the same report, byte for byte; a figure that is no longer drawn is gone."""
    pages = [write_report(tmp_path / name, build([_pair()]), "1").parent for name in ("a", "b")]
    write_report(pages[0], build([_pair()]), "1")
    files = [{p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()} for folder in pages]
    assert files[0] == files[1]


def test_prompts_are_shown_where_items_are_known(tmp_path: Path):
    """The text next to the hole and the reference answer, cut from the far ends."""
    item = Item("i000", prefix="p" * 5000 + "NEAR", suffix="AFTER" + "s" * 5000, truth="the truth")
    found = pair_from_scores(_side("b", "10"), _side("i", "01"), resamples=100, items=lambda task, task_id: item)
    page = _page(tmp_path, found)
    assert "NEAR<span" in page
    assert "the truth" in page
    assert "p" * CONTEXT not in page
    assert "[…]" in page


def test_a_comparison_file_alone_has_no_flips(tmp_path: Path):
    """Numbers and figures are there; the page says how to see answers."""
    content = json.loads(compare(_side("b-7B", "110"), _side("i", "100"), resamples=100).to_json())
    page = _page(tmp_path, pair(content))
    assert "A comparison file holds no answers" in page
    assert "itax_hefim" in page


def test_a_comparison_file_of_other_runs_is_refused():
    """With both, the file must come out the same."""
    sides = _side("b-7B", "110"), _side("i", "100")
    content = json.loads(compare(*sides, resamples=100).to_json())
    assert pair_from_scores(*sides, stored=content).comparison == content
    with pytest.raises(DataError, match=r"benchmarks differ.*belongs to other score directories"):
        pair_from_scores(sides[0], _side("i", "000"), stored=content)


@pytest.mark.parametrize(("base", "instruct"), [("1111", "1111"), ("0000", "0000"), ("1111", "0000"), ("1", "0")])
def test_one_class_only_is_a_report(tmp_path: Path, base: str, instruct: str):
    """All pass, none passes, one model passes all, a single item: every number is defined."""
    page = _page(tmp_path, _pair(base, instruct))
    assert "nan" not in page.lower().replace("instruct", "")
    assert "NaN" not in (tmp_path / "report" / "report.json").read_text("utf-8")


def test_a_withheld_benchmark_is_named_not_drawn(tmp_path: Path):
    """An undecided answer: the table says why, figures and findings do without."""
    run, rows = _side("b", "11")
    rows[0] = replace(rows[0], verdict=Status.HARNESS_ERROR, passed=False)
    page = _page(tmp_path, pair_from_scores((run, rows), _side("i", "10"), resamples=100))
    assert "withheld: 1 items undecided in base" in page
    assert not list((tmp_path / "report" / "figures").glob("*.svg"))


def _sampled(model: str, solved: str, undecided: str = "") -> tuple[Run, list[Outcome]]:
    """One run of two equal samples an item; `undecided` has a 1 for each item whose second sample has no verdict."""
    task = replace(TASK, n_items=len(solved), samples_per_item=2)
    rows = []
    for i, passed in enumerate(solved):
        for sample in range(2):
            open_ = sample == 1 and undecided[i : i + 1] == "1"
            status = Status.HARNESS_ERROR if open_ else Status.PASSED if passed == "1" else Status.FAILED
            row = Outcome("itax_hefim", f"i{i}", sample, "", status, status is Status.PASSED, f"answer {i}")
            rows.append(replace(row, metrics={"pass@1": None if open_ else float(row.passed)}))
    return Run(model=model, tasks={"itax_hefim": task}), rows


@pytest.mark.parametrize("undecided", ["111", "100"])
def test_a_withheld_benchmark_has_neither_pass_at_k_nor_a_count_of_flips(tmp_path: Path, undecided: str):
    """An answer without a verdict is no failed one; what is shown are flips of items that both sides decided."""
    found = pair_from_scores(_sampled("b", "110", undecided), _sampled("i", "001"), resamples=100)
    details = found.details["itax_hefim"]
    assert "withheld" == found.comparison["benchmarks"][0]["status"]
    assert ({}, None) == (details["pass_at_k"], details["flips_in_all"])
    expected = [] if undecided == "111" else [("i1", "lost"), ("i2", "gained")]
    assert expected == [(flip["task_id"], flip["direction"]) for flip in details["flips"]]
    page = _page(tmp_path, found)
    assert "<h3>itax_hefim: not counted</h3>" in page
    assert "pass@k" not in page
    assert len(expected) == page.count('<details class="lost">') + page.count('<details class="gained">')


def test_flips_and_pass_at_k_are_whole_without_undecided_answers():
    """Decided answers count as ever."""
    details = pair_from_scores(_sampled("b", "110"), _sampled("i", "001"), resamples=100).details["itax_hefim"]
    assert {"lost": 2, "gained": 1} == details["flips_in_all"]
    assert 2 / 3 == details["pass_at_k"]["2"]["base"]


def test_runs_that_do_not_pair_are_refused():
    """No shared task, no shared item, and no pair at all."""
    with pytest.raises(PairingError, match="share no task"):
        pair_from_scores(_side("b", "1"), _side("i", "1", task="itax_hand_infilling"))
    run, rows = _side("i", "1")
    with pytest.raises(PairingError, match="share 0 of 2 items"):
        pair_from_scores(_side("b", "1"), (run, [replace(rows[0], task_id="other")]))
    with pytest.raises(DataError, match="at least one pair"):
        build([])


def test_nan_and_infinity_become_nothing(tmp_path: Path):
    """A behaviour that is not a number is left out of its mean, on disk and in memory."""
    for value in (float("nan"), float("inf")):
        sides = []
        for name in ("base", "instruct"):
            write_score_dir(tmp_path / name, *_side(name, "1100", behaviors={"ctr": value, "nl": 0.5}))
            sides.append(read_score_dir(tmp_path / name))
        found = pair_from_scores(*sides, resamples=100).details["itax_hefim"]["behaviors"]
        assert ["nl"] == list(found)


def test_conditional_behaviours_keep_each_side_s_own_answers(tmp_path: Path):
    """A mean over failed answers is over each model's own failures, also where no item fails on both sides."""
    base, instruct = _side("b", "10"), _side("i", "01")
    for side in (base, instruct):
        for i, row in enumerate(side[1]):
            value = None if row.passed else 0.25 if side is base else 0.75
            side[1][i] = replace(row, behaviors={"ctr_given_failed": value})
    found = pair_from_scores(base, instruct, resamples=100).details["itax_hefim"]["behaviors"]["ctr_given_failed"]
    assert (0.25, 0.75, None, 0) == (found["base"], found["instruct"], found["difference"], found["n_paired"])


def test_several_samples_give_pass_at_k(tmp_path: Path):
    """Two samples an item, one right: pass@1 is a half, pass@2 is one."""
    sides = []
    for name in ("b", "i"):
        task = replace(TASK, n_items=3, samples_per_item=2)
        rows = [
            Outcome("itax_hefim", f"i{i}", s, "", Status.PASSED if s else Status.FAILED, bool(s), "x")
            for i in range(3)
            for s in range(2)
        ]
        sides.append((Run(model=name, tasks={"itax_hefim": task}), rows))
    found = pair_from_scores(*sides, resamples=100)
    assert {"1": {"base": 0.5, "instruct": 0.5}, "2": {"base": 1.0, "instruct": 1.0}} == found.details["itax_hefim"][
        "pass_at_k"
    ]
    assert "pass@k" in _page(tmp_path, found)


def test_only_figures_of_an_earlier_report_are_removed(tmp_path: Path):
    """The user's own images stay, whatever their name; a listed figure that is no longer drawn goes; no path is
    followed out of the folder."""
    folder, figures = tmp_path / "mine", tmp_path / "mine" / "figures"
    figures.mkdir(parents=True)
    own = [figures / "photo.png", figures / "sketch.svg", folder / "logo.svg"]
    for file in own:
        file.write_text("mine")
    write_report(folder, build([_pair()]), "1")
    assert all(file.read_text() == "mine" for file in own)
    content = json.loads((folder / "report.json").read_text("utf-8"))
    assert {f"figures/{name}" for name in content["figures"]} < {
        str(file.relative_to(folder)) for file in folder.rglob("*.svg")
    }
    (figures / "old.svg").write_text("<svg/>")
    content["figures"] += ["old.svg", "../logo.svg", "gone.svg", 7]
    (folder / "report.json").write_text(json.dumps(content))
    write_report(folder, build([_pair()]), "1")
    assert not (figures / "old.svg").exists()
    assert all(file.read_text() == "mine" for file in own)
