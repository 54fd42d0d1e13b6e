"""Training: a few steps lower the loss, and the same seed gives the same bytes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the extra `hf` is not installed")
pytest.importorskip("transformers", reason="the extra `hf` is not installed")

from itax_metrics.errors import ConfigError
from itax_tasks.tune.tiny import pair
from itax_tasks.tune.tiny.batches import batches, tokenize
from itax_tasks.tune.tiny.documents import document
from itax_tasks.tune.tiny.draws import Draws
from itax_tasks.tune.tiny.pretrain import trapezoid
from itax_tasks.tune.tiny.recipe import CHECKPOINT_SHARES, NO_REPLAY, SHIPPED, Recipe
from itax_tasks.tune.tiny.tokenizer import read_tokenizer

SHORT = Recipe(base_steps=12, base_tokens=512, warm_up=2, stage_steps=(2, 2), tune_tokens=512)


def quiet(line: str) -> None:
    """Progress that nobody reads."""


def copy_tokenizer(run: Path, out: Path) -> None:
    """Spare a run the training of a tokenizer, which is the same in every run."""
    (out / "base").mkdir(parents=True)
    shutil.copyfile(run / "base" / "tokenizer.json", out / "base" / "tokenizer.json")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A pair after a few steps."""
    out = tmp_path_factory.mktemp("pair")
    return out, pair.train_pair(out, 0, SHORT, quiet)


def test_the_loss_falls(run: tuple[Path, dict[str, str]]) -> None:
    """Twelve steps bring it below that of a uniform guess, 6.93 nats."""
    record = json.loads((run[0] / "base" / pair.RECORD).read_text("utf-8"))
    assert 12 == record["steps"]
    assert record["final_loss"] < 6.8


def test_the_same_seed_gives_the_same_bytes(run: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    """Two runs, one thread each, equal sha256 of all three models; another seed differs."""
    assert run[1] == pair.train_pair(tmp_path / "again", 0, SHORT, quiet)
    assert 3 == len(set(run[1].values()))
    copy_tokenizer(run[0], tmp_path / "other")
    other = pair.train_pair(tmp_path / "other", 1, replace(SHORT, base_steps=2, stage_steps=(1, 1)), quiet)
    assert not set(run[1].values()) & set(other.values())


def test_an_interrupted_run_goes_on_at_a_stage_border(run: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    """With the last stage gone only that stage is trained again, to the same bytes."""
    lines: list[str] = []
    (run[0] / "instruct" / pair.RECORD).unlink()
    assert run[1] == pair.train_pair(run[0], 0, SHORT, lines.append)
    assert "base: complete, kept" in lines
    assert "stage_1: complete, kept" in lines
    assert not [line for line in lines if line.startswith("stage 1: step")]


def test_a_folder_of_another_run_is_refused(run: tuple[Path, dict[str, str]]) -> None:
    """Seeds are never mixed in one folder."""
    with pytest.raises(ConfigError, match="seed 0"):
        pair.train_pair(run[0], 1, SHORT, quiet)


def test_the_series_has_twelve_checkpoints(run: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    """Seven of stage 1 and five of stage 2, each a model folder, and a second call trains nothing."""
    copy_tokenizer(run[0], tmp_path)
    recipe = replace(SHORT, replay=0.0, base_steps=2, stage_steps=(20, 5), tune_tokens=256)
    folders = pair.train_series(tmp_path, 0, recipe, quiet)
    assert 13 == len(folders)
    assert 12 == sum(map(len, CHECKPOINT_SHARES))
    assert all((folder / "model.safetensors").is_file() for folder in folders)
    lines: list[str] = []
    assert folders == pair.train_series(tmp_path, 0, recipe, lines.append)
    assert ["base: complete, kept", "stage 1: complete, kept", "stage 2: complete, kept"] == lines


def test_the_series_recipe_differs_in_replay_alone() -> None:
    """So what the series shows is forgetting without replay and nothing else."""
    assert replace(SHIPPED, replay=0.0) == NO_REPLAY


def test_prompt_and_answer_never_share_a_token(run: tuple[Path, dict[str, str]]) -> None:
    """Pieces are tokenized apart, and their tokens joined read as the text."""
    tokenizer = read_tokenizer(run[0] / "base")
    draws = Draws(2)
    for _ in range(100):
        example = document(draws)
        row = tokenize(example, tokenizer)
        assert example.text == tokenizer.decode(list(row.ids), skip_special_tokens=False)
        assert len(row.ids) == len(row.weights)


def test_batches_keep_their_limit(run: tuple[Path, dict[str, str]]) -> None:
    """No batch is larger than asked, padding included, and padding has no weight."""
    stream = batches(document, read_tokenizer(run[0] / "base"), 3, 700)
    for _ in range(30):
        batch = next(stream)
        rows, length = batch.ids.shape
        assert rows * length <= 700
        assert batch.weights.shape == batch.ids.shape
        assert batch.tokens <= rows * length


def test_the_rate_rises_holds_and_falls() -> None:
    """Warm-up from above zero, a plateau at one, and nearly zero at the end."""
    rates = [trapezoid(step, 100, 10, 0.5) for step in range(100)]
    assert 0.1 == pytest.approx(rates[0])
    assert 1.0 == rates[30]
    assert 0.02 == pytest.approx(rates[-1])
