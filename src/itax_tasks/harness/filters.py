"""The filter that executes: lm-eval hands it all responses of a task at once, so programs run in parallel, once."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lm_eval.api.filter import Filter

from itax_metrics.behavior import Behavior
from itax_metrics.execution import Executor
from itax_metrics.records import Flag, Item, Outcome, Status
from itax_tasks import journal
from itax_tasks.answer import Answer
from itax_tasks.models.generation import facts_of
from itax_tasks.scoring import score
from itax_tasks.settings import Settings
from itax_tasks.spec import TaskSpec

log = logging.getLogger("lm_eval.itax")


class ExecuteFilter(Filter):  # type: ignore[misc]  # lm_eval is untyped
    """Responses in, one JSON text per document out, holding the verdict and metrics of each sample.

    Raw responses are written to a journal before anything runs. Nothing a program or the engine does
    raises: what could not be judged is a `harness_error`.
    """

    def __init__(
        self,
        spec: TaskSpec,
        items: Mapping[str, Item],
        settings: Settings,
        executor: Executor,
        rank: int = 0,
        about: Mapping[str, Any] | None = None,
        behaviors: Sequence[Behavior] | None = None,
        spent: Callable[[str], tuple[int | None, bool]] | None = None,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.items = items
        self.settings = settings
        self.executor = executor
        self.rank = rank
        self.about = dict(about or {})
        self.behaviors = behaviors
        self.spent = spent or (lambda text: (None, False))
        """An answer to its tokens, None where nobody can count, and whether they are all it was allowed."""

    def apply(self, resps: Iterable[Sequence[str]], docs: Sequence[Mapping[str, Any]]) -> list[str]:
        """Judge every sample of every document."""
        answers: list[Answer] = []
        owners: list[int] = []
        for number, (samples, document) in enumerate(zip(resps, docs, strict=True)):
            cut = (Flag.TRUNCATED_PROMPT.value,) if document.get("truncated_prompt") else ()
            for sample, text in enumerate(samples):
                made = facts_of(text)
                # Backends of ours have counted; of the others' answers only the text is left to count.
                tokens, at_limit = (None, False) if made else self.spent(text)
                flags = (*cut, Flag.HIT_LIMIT.value) if at_limit else cut
                answers.append(Answer(document["task_id"], sample, text, flags=flags, generation=made, tokens=tokens))
                owners.append(number)
        self._journal(answers)
        verdicts: list[list[dict[str, Any]]] = [[] for _ in docs]
        for owner, outcome in zip(owners, self._judge(answers), strict=True):
            verdicts[owner].append(_brief(outcome))
        return [json.dumps(row, ensure_ascii=True) for row in verdicts]

    def _journal(self, answers: Sequence[Answer]) -> None:
        try:
            path = journal.write_journal(self.settings.state_dir, self.spec.name, answers, self.about, self.rank)
        except OSError as error:
            log.warning(
                "itax: the responses of %s could not be kept in %s (%s); set ITAX_STATE_DIR to a writable folder. "
                "Scoring goes on.",
                self.spec.name,
                self.settings.state_dir,
                error,
            )
            return
        log.info(
            "itax: %d responses of %s are kept in %s; if scoring is interrupted: "
            "itax score --task %s --completions %s --out DIR",
            len(answers),
            self.spec.name,
            path,
            self.spec.name,
            path,
        )

    def _judge(self, answers: Sequence[Answer]) -> list[Outcome]:
        try:
            return score(
                self.spec,
                self.items,
                answers,
                self.executor,
                time_scale=self.settings.time_scale,
                behaviors=self.behaviors,
            )
        except Exception as error:  # generation has cost hours: it must survive a broken engine
            log.exception("itax: the programs of %s could not be run", self.spec.name)
            detail = f"{type(error).__name__}: {error}"
            return [self._undecided(answer, detail) for answer in answers]

    def _undecided(self, answer: Answer, detail: str) -> Outcome:
        return Outcome(
            task=self.spec.name,
            task_id=answer.task_id,
            sample=answer.sample,
            cluster=self.items[answer.task_id].cluster,
            verdict=Status.HARNESS_ERROR,
            passed=False,
            completion=answer.text,
            metrics=dict.fromkeys(self.spec.measures),
            flags=answer.flags,
            tokens=answer.spent,
            generation=answer.generation,
            detail=detail,
        )


def _brief(outcome: Outcome) -> dict[str, Any]:
    """What a samples file keeps of an outcome; prompt and response stand in the row already."""
    return {
        "verdict": outcome.verdict.value,
        "metrics": dict(outcome.metrics),
        "flags": list(outcome.flags),
        "behaviors": dict(outcome.behaviors),
        "category": outcome.category,
        "tokens": outcome.tokens,
        "seconds": outcome.seconds,
        "detail": outcome.detail,
        **({"generation": dict(outcome.generation)} if outcome.generation else {}),
    }
