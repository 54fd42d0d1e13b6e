"""`--model itax-hf`: lm-eval's `hf`, handed token ids and cut on ids.

Loading, devices, batch sizes, ranks and log-probabilities are lm-eval's own. What differs: the prompt is the ids that
the task rendered, each row of a batch ends at its own stop, and the stored text keeps its control tokens.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.models.utils import Collator, normalize_gen_kwargs
from tqdm import tqdm
from transformers import StoppingCriteria, StoppingCriteriaList

from itax_tasks.models.generation import Generation, Stops, end_ids, stops_of
from itax_tasks.models.ids import check_room, split
from itax_tasks.models.presence import announce

Chunk = Sequence[tuple[tuple[str, Sequence[int], int], Mapping[str, Any]]]


class ItaxHF(HFLM):  # type: ignore[misc]  # lm_eval is untyped
    """lm-eval's transformers backend for prompts given as token ids; takes the same arguments."""

    itax_takes = "ids"
    _rank: int
    _world_size: int

    def __init__(self, pretrained: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(pretrained, *args, **kwargs)
        self._stops: dict[Any, Stops] = {}
        accelerator = getattr(self, "accelerator", None)
        if self.world_size == 1 and accelerator is not None and not kwargs.get("tp_plan"):
            # lm-eval sets the ranks of `accelerate launch` where it sees several GPUs only; elsewhere every process
            # would take itself for the one that does everything.
            self._rank = int(accelerator.process_index)
            self._world_size = int(accelerator.num_processes)
        announce(self, str(pretrained))

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """The answers, each with its facts; requests of other tasks go lm-eval's own way."""
        ours, theirs = split(requests)
        answers: dict[int, str] = {}
        if theirs:
            found = super().generate_until([requests[place] for place in theirs], disable_tqdm=disable_tqdm)
            answers.update(zip(theirs, found, strict=True))
        if ours:
            found = self._generate([requests[place] for place in ours], disable_tqdm)
            answers.update(zip(ours, found, strict=True))
        return [answers[place] for place in range(len(requests))]

    def _generate(self, requests: list[Any], disable_tqdm: bool) -> list[str]:
        check_room(requests, self.max_length, self.max_gen_toks)
        # lm-eval's `auto` detects one size for the longest context, as `hf` does for generation.
        size = self._detect_batch_size() if self.batch_size == "auto" else self.batch_size
        rows = [
            ((request.args[0], request.itax_asked.ids, place), request.args[1])
            for place, request in enumerate(requests)
        ]
        order = Collator(
            rows,
            sort_fn=lambda row: (-len(row[0][1]), row[0][0]),
            group_by="gen_kwargs",
            group_fn=lambda row: row[1],
        )
        answers: list[Generation] = []
        bar = tqdm(total=len(rows), disable=disable_tqdm or self.rank != 0, desc="Running generate_until requests")
        for chunk in order.get_batched(n=size, batch_fn=None):
            made = self._batch(chunk)
            for ((text, _, _), settings), answer in zip(chunk, made, strict=True):
                self.cache_hook.add_partial("generate_until", (text, settings), answer)
            answers += made
            bar.update(len(made))
        bar.close()
        return cast("list[str]", order.get_original(answers))

    def _batch(self, chunk: Chunk) -> list[Generation]:
        began = time.perf_counter()
        settings = dict(normalize_gen_kwargs(dict(chunk[0][1]), self.max_gen_toks))
        ends = end_ids(self.tokenizer, getattr(self.model, "generation_config", None))
        stops = stops_of(self._stops, self.tokenizer, ends, settings.pop("until", None) or [])
        room = settings.pop("max_gen_toks")
        if settings.get("do_sample") is False:
            # Greedy: transformers warns of a temperature, and of sampling settings the checkpoint brings along.
            settings.pop("temperature", None)
        prompts = [row[1] for row, _ in chunk]
        width = max(len(prompt) for prompt in prompts)
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts], device=self.device)
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts], device=self.device)
        watch = [_StopStrings(stops, width)] if stops.strings else []
        with torch.autocast(
            device_type=self.device.type,
            dtype=self.mixed_precision_dtype,
            enabled=self.mixed_precision_dtype is not None,
        ):
            out = self.model.generate(
                input_ids=ids,
                attention_mask=mask,
                max_length=settings.pop("max_length", width + room),
                eos_token_id=sorted(stops.ids),
                pad_token_id=pad,
                stopping_criteria=StoppingCriteriaList(watch),
                use_cache=True,
                **settings,
            )
        share = (time.perf_counter() - began) / len(prompts)
        return [stops.generation(row[width:], seconds=share) for row in out.tolist()]


class _StopStrings(StoppingCriteria):  # type: ignore[misc]
    """Ends a row once its text holds a stop string; the stored text is cut afterwards, so a late end costs time only.

    Each new id is looked at once, as text; only where the tail of a row shows a stop string is the row decoded.
    """

    def __init__(self, stops: Stops, width: int) -> None:
        self._stops = stops
        self._width = width
        self._longest = max(len(text) for text in stops.strings)
        self._tails: list[str] = []
        self._done: list[bool] = []
        self._pieces: dict[int, str] = {}

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        if not self._tails:
            self._tails, self._done = [""] * len(input_ids), [False] * len(input_ids)
        for row, token in enumerate(input_ids[:, -1].tolist()):
            if self._done[row]:
                continue
            if token not in self._pieces:
                self._pieces[token] = self._stops.piece(token)
            tail = self._tails[row] + self._pieces[token]
            if any(stop in tail for stop in self._stops.strings):
                text = self._stops.text(input_ids[row, self._width :].tolist())
                self._done[row] = any(stop in text for stop in self._stops.strings)
            self._tails[row] = tail[-self._longest :]
        return torch.tensor(self._done, device=input_ids.device)
