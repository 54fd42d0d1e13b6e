"""Pass rates of a model folder on the held-out items, by the library's own prompts, extraction and execution.

The tokens come from greedy search in batches with `transformers`, in float32; the rates of another backend
may differ by an item or two where two tokens are nearly equally likely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from itax_metrics.execution import Executor
from itax_metrics.records import Item, Outcome, TaskRun
from itax_metrics.stats.bootstrap import bootstrap_interval, by_cluster
from itax_metrics.stats.intervals import Interval, wilson
from itax_tasks.answer import Answer
from itax_tasks.benchmarks import mini
from itax_tasks.harness.model_context import ModelContext
from itax_tasks.prompts.prepare import prepare
from itax_tasks.scoring import score, task_run
from itax_tasks.settings import Settings
from itax_tasks.spec import TaskSpec
from itax_tasks.tasks import task
from itax_tasks.tune.tiny.model import load_model
from itax_tasks.tune.tiny.training import one_thread

BATCH = 80

FIGURES: Mapping[mini.Subset, Mapping[str, str]] = {
    "infilling": {"infilling": "pass@1", "infilling_first_line": "pass@1_first_line"},
    "completion": {"completion": "pass@1"},
    "instruct": {
        "instruct": "pass@1",
        "instruct_strict": "pass@1_strict",
        "instruct_lenient": "pass@1_lenient",
    },
}
"""Figure -> metric of the task."""


@dataclass(frozen=True, slots=True)
class Rate:
    """One figure of one model: which items pass."""

    passed: Mapping[str, bool]
    clusters: Mapping[str, str]

    @property
    def rate(self) -> float:
        """Share of items that pass."""
        return sum(self.passed.values()) / len(self.passed)

    @property
    def interval(self) -> Interval:
        """Wilson's 95 % interval; for infilling, two items a program, read it as a description."""
        return wilson(sum(self.passed.values()), len(self.passed))

    def minus(self, other: Rate) -> tuple[float, Interval | None]:
        """Paired difference of two models and its 95 % bootstrap interval over clusters."""
        keys = sorted(self.passed)
        differences = [float(self.passed[key]) - float(other.passed[key]) for key in keys]
        totals = by_cluster(differences, [self.clusters[key] for key in keys])
        return totals.mean, bootstrap_interval(totals)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one model scores, and how it writes."""

    rates: Mapping[str, Rate]
    tokens: Mapping[str, float]
    """Mean length of an answer by kind of item, in tokens."""
    fenced: Mapping[str, float]
    """Share of answers that hold a code fence, by kind of item."""
    tasks: Mapping[str, TaskRun]
    outcomes: tuple[Outcome, ...]
    """What a score directory keeps, so that `itax compare` and `itax report` can read the same run."""


def evaluate(folder: Path, executor: Executor, *, limit: int | None = None) -> Figures:
    """Generate and judge all three kinds.

    Args:
        folder: a model of the pair, or a checkpoint of it.
        executor: runs the programs.
        limit: only the first items of each kind.
    """
    model = load_model(folder).eval()
    context = ModelContext(name=str(folder), takes="string")
    rates: dict[str, Rate] = {}
    tokens: dict[str, float] = {}
    fenced: dict[str, float] = {}
    tasks: dict[str, TaskRun] = {}
    outcomes: list[Outcome] = []
    settings = Settings()
    for subset, figures in FIGURES.items():
        spec = task(f"itax_mini_{subset}")
        loaded = spec.load(settings)
        items = loaded.items[:limit]
        prompts = prepare(spec, items, context, {})
        with one_thread():  # so small a model only waits for a second one
            texts, lengths = generate(model, context.tokenizer, prompts.texts, prompts.stops, spec.max_gen_toks)
        found = _scored(spec, items, texts, lengths, executor)
        judged = _rates(spec, items, found)
        tasks[spec.name] = task_run(
            spec, loaded.data, n_items=len(items), samples_per_item=1, time_scale=settings.time_scale
        )
        outcomes += found
        rates |= {figure: judged[metric] for figure, metric in figures.items()}
        tokens[subset] = sum(lengths) / len(lengths)
        fenced[subset] = sum("```" in text for text in texts) / len(texts)
    return Figures(rates, tokens, fenced, tasks, tuple(outcomes))


def generate(
    model: Any, tokenizer: Any, prompts: Sequence[str], stops: Sequence[str], limit: int
) -> tuple[list[str], list[int]]:
    """Greedy answers, each cut before its first stop string.

    Returns:
        Texts in the order of `prompts`, and the number of tokens each took before its end token.
    """
    import torch

    ends = {tokenizer.convert_tokens_to_ids(token) for token in ("<|endoftext|>", "<|im_end|>")}
    pad = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    encoded = [tokenizer.encode(prompt, add_special_tokens=False) for prompt in prompts]
    order = sorted(range(len(prompts)), key=lambda at: len(encoded[at]))
    texts, lengths = [""] * len(prompts), [0] * len(prompts)
    for start in range(0, len(order), BATCH):
        chosen = order[start : start + BATCH]
        width = max(len(encoded[at]) for at in chosen)
        ids = torch.tensor([[pad] * (width - len(encoded[at])) + encoded[at] for at in chosen])
        mask = torch.tensor([[0] * (width - len(encoded[at])) + [1] * len(encoded[at]) for at in chosen])
        with torch.inference_mode():
            made = model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_new_tokens=limit,
                do_sample=False,
                use_cache=True,
                eos_token_id=sorted(ends),
                pad_token_id=pad,
            )
        for at, row in zip(chosen, made[:, width:].tolist(), strict=True):
            length = next((number for number, token in enumerate(row) if token in ends), len(row))
            lengths[at] = length
            texts[at] = _before_stop(tokenizer.decode(row[:length], skip_special_tokens=False), stops)
    return texts, lengths


def _before_stop(text: str, stops: Sequence[str]) -> str:
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    return text[: min(found)] if found else text


def _scored(
    spec: TaskSpec, items: Sequence[Item], texts: Sequence[str], lengths: Sequence[int], executor: Executor
) -> list[Outcome]:
    answers = [
        Answer(
            item.task_id,
            0,
            text,
            generation={"tokens": length, "finish": "length" if length >= spec.max_gen_toks else "stop"},
        )
        for item, text, length in zip(items, texts, lengths, strict=True)
    ]
    return score(spec, {item.task_id: item for item in items}, answers, executor)


def _rates(spec: TaskSpec, items: Sequence[Item], outcomes: Sequence[Outcome]) -> dict[str, Rate]:
    clusters = {item.task_id: item.cluster for item in items}
    return {
        metric: Rate({outcome.task_id: bool(outcome.metrics[metric]) for outcome in outcomes}, clusters)
        for metric in spec.measures
    }


def summary(figures: Figures) -> dict[str, Any]:
    """The figures as plain numbers for a JSON file; rates lie between 0 and 1, `passed` has a digit for each item."""
    rows: dict[str, Any] = {}
    for name, rate in figures.rates.items():
        low, high = rate.interval
        passed = "".join("1" if value else "0" for value in rate.passed.values())
        rows[name] = {"rate": rate.rate, "low": low, "high": high, "n": len(passed), "passed": passed}
    return {"rates": rows, "answer_tokens": dict(figures.tokens), "fenced": dict(figures.fenced)}


def differences(base: Figures, other: Figures) -> dict[str, dict[str, float | None]]:
    """Rate of `base` minus rate of `other` for each figure, with the cluster interval."""
    rows: dict[str, dict[str, float | None]] = {}
    for name, rate in base.rates.items():
        mean, interval = rate.minus(other.rates[name])
        rows[name] = {
            "difference": mean,
            "low": interval.low if interval else None,
            "high": interval.high if interval else None,
        }
    return rows
