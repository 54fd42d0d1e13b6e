"""`--model itax-replay --model_args completions=FILE`: stored answers in a model's place.

Everything after generation runs for real: prompts aside, the host cannot tell it from a model. So a
run can be scored again, somebody else's answers can be judged, and the whole path can be tried with no GPU.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval.api.model import LM

from itax_metrics.errors import ConfigError, DataError
from itax_tasks.answers import FORMATS, read_answers
from itax_tasks.tasks import TASKS

log = logging.getLogger("lm_eval.itax")


class ReplayLM(LM):  # type: ignore[misc]  # lm_eval is untyped
    """Answers every request with the stored completion of its item.

    Args:
        completions: a file of answers (`itax score --help` lists the formats).
        format: guessed from the fields when left out.
        on_missing: `error` refuses items without an answer before anything runs; `empty` answers them with "".

    Raises:
        ConfigError: no file named, or a wrong option.
        DataError: the file is unreadable, or items have no answer.
    """

    itax_takes = "none"

    def __init__(
        self, completions: str | None = None, format: str | None = None, on_missing: str = "error", **unused: Any
    ) -> None:
        super().__init__()
        if not completions:
            raise ConfigError("itax-replay needs a file of answers: --model_args completions=FILE.")
        if format is not None and format not in FORMATS:
            raise ConfigError(f"format={format} is not one of {', '.join(FORMATS)}.")
        if on_missing not in ("error", "empty"):
            raise ConfigError(f"on_missing={on_missing} must be error or empty.")
        self.path = Path(completions).expanduser()
        if not self.path.is_file():
            raise DataError(f"completions={completions}: there is no such file.")
        self.on_missing = on_missing
        stored = read_answers(self.path, format=format)
        finished = next((answer for answer in stored.answers if answer.stage != "completion"), None)
        if finished is not None:
            raise DataError(
                f"{self.path} holds finished programs (first: {finished.task_id}), not completions. "
                "Score them with `itax score --task NAME --completions FILE --out DIR`."
            )
        self.answers: Mapping[tuple[str, int], str] = {
            (answer.task_id, answer.sample): answer.text for answer in stored.answers
        }
        self._respelled: dict[str, dict[tuple[str, int], str]] = {}

    @classmethod
    def create_from_arg_obj(cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None) -> ReplayLM:
        """Called by lm-eval; device and batch sizes mean nothing here."""
        return cls(**arg_dict)

    @property
    def tokenizer_name(self) -> str:
        """Stands in cache keys and results."""
        return ""

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """The stored answers, sample 0 for the first time an item is asked, sample 1 for the second, ...."""
        del disable_tqdm
        asked: Counter[tuple[str, str]] = Counter()
        found: list[str] = []
        missing: dict[str, None] = {}
        for request in requests:
            task_id = request.doc["task_id"]
            sample = asked[(request.task_name, task_id)]
            asked[(request.task_name, task_id)] += 1
            text = self._answer(request.task_name, task_id, sample)
            if text is None and sample >= (request.repeats or 1):
                text = ""  # padding of an uneven rank; the task cuts it off
            if text is None:
                missing[task_id] = None
            found.append(text or "")
        if missing:
            names = ", ".join(list(missing)[:5])
            items = len({request.doc["task_id"] for request in requests})
            if self.on_missing == "error":
                raise DataError(
                    f"{self.path} has no answer for {len(missing)} of {items} items "
                    f"(first: {names}). Give a complete file, use --limit or --samples, or pass on_missing=empty."
                )
            log.warning("itax-replay: %d items without an answer count as empty (first: %s).", len(missing), names)
        self._tell_of_unused(max((request.repeats or 1 for request in requests), default=1))
        return found

    def _tell_of_unused(self, asked: int) -> None:
        held = 1 + max((sample for _, sample in self.answers), default=0)
        if held > asked:
            log.warning(
                "itax-replay: %s holds up to %d answers to an item, and each is asked for %d: the first are used. "
                "`itax score --task NAME --completions FILE` judges all of them.",
                *(self.path, held, asked),
            )

    def _answer(self, name: str, task_id: str, sample: int) -> str | None:
        """The answer under our id, else under another spelling of it that the task knows."""
        found = self.answers.get((task_id, sample))
        if found is not None or name not in TASKS:
            return found
        if name not in self._respelled:
            own_id = TASKS[name].own_id
            self._respelled[name] = {(own_id(other), number): text for (other, number), text in self.answers.items()}
        return self._respelled[name].get((task_id, sample))

    def loglikelihood(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """Stored answers have no probabilities."""
        raise ConfigError("itax-replay answers generation tasks only; it has no log-probabilities.")

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        """Stored answers have no probabilities."""
        raise ConfigError("itax-replay answers generation tasks only; it has no log-probabilities.")
