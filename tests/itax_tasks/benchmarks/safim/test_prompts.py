"""What each SAFIM task shows a model."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

pytest.importorskip("tree_sitter", reason="the extra `safim` is not installed")

from itax_metrics.errors import ConfigError, DataError
from itax_metrics.records import Item
from itax_tasks.benchmarks.safim import prompts
from itax_tasks.settings import OPTIONS, Settings, read_settings
from itax_tasks.tasks import task

ROW = {"prompt": "Complete the code in python:\n\nx = # TODO: Your code here\nprint(x)\n", "task_id": "one"}
ITEM = Item("one", "x = ", "\nprint(x)\n", "f(1)", payload={"subset": "api", "before": "x = ", "after": "\nprint(x)\n"})
PLAIN = Settings()
TOLD = 'Replace the "# TODO: Your code here" in the code above with the appropriate API function call.'


def chosen(mode: str) -> Settings:
    """Settings with another mode."""
    return Settings(options=(("safim_mode", mode),))


def test_the_paper_s_input_is_the_bare_code(data_dir: Path) -> None:
    """`eval_prompt` split at its hole, with nothing of the problem statement."""
    with gzip.open(data_dir / "safim" / "control_completion.jsonl.gz", "rt", encoding="utf-8") as lines:
        row = json.loads(next(lines))
    first = task("itax_safim_control").load(Settings(data_dir=data_dir)).items[0]
    assert row["eval_prompt"] == f"{first.prefix}{{{{completion}}}}{first.suffix}"
    assert row["ground_truth"] == first.truth


def test_the_official_input_has_the_statement_in_the_prefix() -> None:
    """`prompt` split at the comment that marks the hole."""
    shown = prompts.statement_and_code(ROW, ITEM, PLAIN)
    assert ("Complete the code in python:\n\nx = ", "\nprint(x)\n") == (shown.prefix, shown.suffix)


def test_left_to_right_ends_at_the_hole() -> None:
    """And there is no suffix."""
    shown = prompts.left_to_right(ROW, ITEM, PLAIN)
    assert ("Complete the code in python:\n\nx = ", "") == (shown.prefix, shown.suffix)


def test_reverse_infilling_asks_for_the_order_spm_a() -> None:
    """What is shown is that of `infilling`; the order is prefix sentinel, suffix sentinel, suffix, middle, prefix."""
    shown = prompts.statement_and_code(ROW, ITEM, chosen("reverse_infilling"))
    assert ("Complete the code in python:\n\nx = ", "\nprint(x)\n") == (shown.prefix, shown.suffix)
    assert "SPM-a" == shown.payload["fim_order"]
    assert "fim_order" not in prompts.statement_and_code(ROW, ITEM, chosen("infilling")).payload


def test_reverse_infilling_without_sentinels_is_suffix_blank_line_prefix() -> None:
    """The official form for models without FIM: the answer begins where the prompt ends."""
    shown = prompts.left_to_right(ROW, ITEM, chosen("reverse_infilling"))
    assert ("\nprint(x)\n\n\nComplete the code in python:\n\nx = ", "") == (shown.prefix, shown.suffix)


def test_prefix_feeding_tells_what_to_do_and_begins_the_answer() -> None:
    """Prompt, instruction, and the bare code up to the hole."""
    shown = prompts.left_to_right(ROW, ITEM, chosen("prefix_feeding"))
    assert f"{ROW['prompt']}\n{TOLD}\n\nx = " == shown.prefix


def test_instructed_asks_for_the_piece_alone() -> None:
    """The official second sentence."""
    shown = prompts.instructed(ROW, ITEM, PLAIN)
    assert f"{ROW['prompt']}\n{TOLD} Provide only the replaced API function call.\n\n" == shown.prefix


def test_what_is_scored_does_not_depend_on_what_is_shown() -> None:
    """The code around the hole stays that of `eval_prompt`."""
    for show in (prompts.statement_and_code, prompts.left_to_right, prompts.instructed):
        assert ITEM.payload.items() <= show(ROW, ITEM, PLAIN).payload.items()


def test_a_mode_of_another_task_is_refused_with_its_place() -> None:
    """Each task has its own modes, and the message names all of them."""
    with pytest.raises(ConfigError, match=r"itax_safim_official_instructed has instructed, fewshot"):
        prompts.left_to_right(ROW, ITEM, chosen("fewshot"))
    with pytest.raises(ConfigError, match=r"itax_safim_official_psm has infilling, reverse_infilling\. .*_l2r has"):
        prompts.statement_and_code(ROW, ITEM, chosen("prefix_feeding"))


def test_a_mode_that_safim_does_not_have_is_refused_with_those_it_has() -> None:
    """The six official names."""
    assert {mode for modes in prompts.MODES.values() for mode in modes} == set(OPTIONS["safim_mode"])
    with pytest.raises(ConfigError, match="infilling or reverse_infilling or left_to_right"):
        read_settings({"safim_mode": "spm"})


@pytest.mark.parametrize("name", sorted(prompts.MODES))
def test_another_mode_is_other_data(name: str, data_dir: Path) -> None:
    """So that `itax compare` refuses a run in one mode beside one in another."""
    mode = prompts.MODES[name][1]
    if mode == "fewshot":
        pytest.skip("needs the official examples")
    languages = ("safim_languages", "csharp")
    one, other = (
        task(name).load(Settings(data_dir=data_dir, options=(languages, *extra))).data
        for extra in ((), (("safim_mode", mode),))
    )
    assert one["sha256"] != other["sha256"]
    assert {"safim_languages": "csharp", "safim_mode": mode} == other["options"]


def test_examples_are_read_from_the_pinned_file_and_never_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Assignments of two dictionaries are literals; everything else in the file is passed over."""
    source = (
        'raise SystemExit("executed")\nFEW_SHOT_PROMPTS, FEW_SHOT_ANSWERS = {}, {}\n'
        'FEW_SHOT_PROMPTS[("api", "python")] = "question\\n"\nFEW_SHOT_ANSWERS[("api", "python")] = "answer\\n"\n'
    )
    monkeypatch.setattr(prompts.data, "text", lambda benchmark, name, settings: source)
    prompts.examples.cache_clear()
    shown = prompts.instructed(ROW, ITEM, chosen("fewshot"))
    prompts.examples.cache_clear()
    told = f"{TOLD} Provide only the replaced API function call."
    assert f"question\n\n{told}\n\nanswer\n\n\n{ROW['prompt']}\n{told}\n\n" == shown.prefix
    assert "answer\n" == shown.payload["example"]


def test_another_file_of_examples_is_refused(tmp_path: Path) -> None:
    """The digest is the pin."""
    (tmp_path / "prompt_utils.py").write_text("FEW_SHOT_PROMPTS = {}\n", "utf-8")
    with pytest.raises(DataError, match="is not the official prompt_utils"):
        prompts.examples(Settings(data_dir=tmp_path, state_dir=tmp_path))


def test_official_tasks_sample_as_safim_does() -> None:
    """Temperature 0.2, top-p 0.95, 128 new tokens; the paper's tasks are greedy with 512."""
    official, paper = task("itax_safim_official_psm"), task("itax_safim")
    assert ({"do_sample": True, "temperature": 0.2, "top_p": 0.95}, 128) == (official.sampling, official.max_gen_toks)
    assert ({"do_sample": False, "temperature": 0.0}, 512) == (dict(paper.sampling), paper.max_gen_toks)
