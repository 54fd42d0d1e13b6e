"""What the backends that take ids share: which requests are ours, whether they fit, and the frame of generation."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

from lm_eval.api.model import TemplateLM
from lm_eval.models.utils import Collator
from tqdm import tqdm

from itax_metrics.errors import ConfigError
from itax_tasks.models.generation import Generation, Stops
from itax_tasks.models.presence import Takes
from itax_tasks.prompts.asked import asked

_ALIASES = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")

Chunk = Sequence[tuple[tuple[str, Sequence[int]], Mapping[str, Any]]]
"""Rows of one batch: the request's text and its ids, and its generation settings."""


class TakesIds(TemplateLM):  # type: ignore[misc]  # lm_eval is untyped
    """Put before a backend of lm-eval's: its prompts become token ids, its answers carry their facts.

    The backend says how a batch is generated (`_batch`), and where it differs, how many rows make one.
    """

    itax_takes: Takes = "ids"
    _one_setting_a_batch: ClassVar[bool] = False
    """True where all rows of a batch must have the same generation settings."""

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """The answers, each with its facts; requests of other tasks go lm-eval's own way.

        Raises:
            ConfigError: a prompt and its answer do not fit the context.
        """
        ours, theirs = split(requests)
        answers: dict[int, str] = {}
        if theirs:
            found = super().generate_until([requests[place] for place in theirs], disable_tqdm=disable_tqdm)
            answers.update(zip(theirs, found, strict=True))
        if ours:
            made = self._generate([requests[place] for place in ours], disable_tqdm)
            answers.update(zip(ours, made, strict=True))
        return [answers[place] for place in range(len(requests))]

    def _generate(self, requests: list[Any], disable_tqdm: bool) -> list[str]:
        check_room(requests, self.max_length, self.max_gen_toks)
        rows = [((request.args[0], request.itax_asked.ids), request.args[1]) for request in requests]
        order = Collator(
            rows,
            sort_fn=lambda row: (-len(row[0][1]), row[0][0]),
            group_fn=lambda row: row[1],
            group_by="gen_kwargs" if self._one_setting_a_batch else None,
        )
        answers: list[Generation] = []
        bar = tqdm(total=len(rows), disable=disable_tqdm or self.rank != 0, desc="Running generate_until requests")
        for chunk in order.get_batched(n=self._rows_at_once(), batch_fn=None):
            made = self._batch(chunk)
            for ((text, _), settings), answer in zip(chunk, made, strict=True):
                self.cache_hook.add_partial("generate_until", (text, settings), answer)
            answers += made
            bar.update(len(made))
        bar.close()
        return cast("list[str]", order.get_original(answers))

    def _rows_at_once(self) -> int:
        """Rows a batch has; 0: all of them, for engines that batch by themselves."""
        return 0 if self.batch_size == "auto" else int(self.batch_size)

    @abstractmethod
    def _batch(self, chunk: Chunk) -> list[Generation]:
        """The engine's answers to these rows, in order."""


class SettingsPerRow(TakesIds):
    """For engines that take the sampling settings of every row by themselves, in lm-eval's `_model_generate`.

    The backend says what those settings are (`_sampling`), and where an answer keeps its ids (`_ids_of`).
    """

    def _batch(self, chunk: Chunk) -> list[Generation]:
        began = time.perf_counter()
        stops, sampling = zip(*(self._sampling(settings) for _, settings in chunk), strict=True)
        outputs = self._model_generate(
            requests=[list(ids) for (_, ids), _ in chunk], generate=True, sampling_params=list(sampling)
        )
        share = (time.perf_counter() - began) / len(chunk)
        return [
            stop.generation(self._ids_of(output), seconds=share) for stop, output in zip(stops, outputs, strict=True)
        ]

    @abstractmethod
    def _sampling(self, settings: Mapping[str, Any]) -> tuple[Stops, Any]:
        """Where answers under these settings end, and the settings in the engine's own form."""

    @abstractmethod
    def _ids_of(self, output: Any) -> Sequence[int]:
        """The ids of an answer, the one that ended it included."""


def split(requests: Sequence[Any]) -> tuple[list[int], list[int]]:
    """Places of the requests that carry ids, and of all others."""
    ours = [place for place, request in enumerate(requests) if (found := asked(request)) is not None and found.ids]
    taken = set(ours)
    return ours, [place for place in range(len(requests)) if place not in taken]


def check_room(requests: Sequence[Any], max_length: int, default: int) -> None:
    """Refuse prompts that a backend would have to cut, before anything is generated.

    Raises:
        ConfigError: with the first document and both lengths. A cut from the left takes the first sentinel.
    """
    for request in requests:
        found = request.itax_asked
        settings = request.args[1]
        room = next((int(settings[name]) for name in _ALIASES if settings.get(name) is not None), default)
        if len(found.ids) + room > max_length:
            raise ConfigError(
                f"{request.task_name}: the prompt of {found.task_id} has {len(found.ids)} tokens and its answer may "
                f"have {room}, but the context of the model is {max_length}. Raise max_length (itax-hf) or "
                "max_model_len (itax-vllm, itax-sglang) in --model_args, or lower --gen_kwargs max_gen_toks=N."
            )
