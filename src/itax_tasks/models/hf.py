"""`--model itax-hf`: lm-eval's `hf`, handed token ids and cut on ids.

Loading, devices, batch sizes, ranks and log-probabilities are lm-eval's own. What differs: the prompt is the ids that
the task rendered, each row of a batch ends at its own stop, the stored text keeps its control tokens, and generation
settings are those of the request alone, none of the checkpoint's own.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.models.utils import normalize_gen_kwargs
from transformers import GenerationConfig, StoppingCriteria, StoppingCriteriaList

from itax_tasks.models.generation import Generation, Stops, end_ids, stops_of
from itax_tasks.models.ids import Chunk, TakesIds
from itax_tasks.models.presence import announce

log = logging.getLogger("itax.models")


class ItaxHF(TakesIds, HFLM):  # type: ignore[misc]  # lm_eval is untyped
    """lm-eval's transformers backend for prompts given as token ids; takes the same arguments."""

    _one_setting_a_batch = True
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
        if getattr(self.model, "generation_config", None) is not None:
            self.model.generation_config = tokens_only(self.model.generation_config, str(pretrained))
        announce(self, str(pretrained))

    def _rows_at_once(self) -> int:
        # lm-eval's `auto` detects one size for the longest context, as `hf` does for generation.
        return int(self._detect_batch_size() if self.batch_size == "auto" else self.batch_size)

    def _batch(self, chunk: Chunk) -> list[Generation]:
        began = time.perf_counter()
        settings = dict(normalize_gen_kwargs(dict(chunk[0][1]), self.max_gen_toks))
        ends = end_ids(self.tokenizer, getattr(self.model, "generation_config", None))
        stops = stops_of(self._stops, self.tokenizer, ends, settings.pop("until", None) or [])
        room = settings.pop("max_gen_toks")
        if settings.get("do_sample") is False:
            settings.pop("temperature", None)  # transformers warns of one in greedy decoding
        else:
            # Else transformers samples from the fifty likeliest tokens; vLLM, and what was asked for, from all.
            settings.setdefault("top_k", 0)
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


_KEPT = ("cache_implementation",)
_NO_SETTING = ("transformers_version",)


def tokens_only(config: GenerationConfig, name: str) -> GenerationConfig:
    """What a checkpoint says of its tokens and its cache, without how it would like to be sampled.

    Instruct checkpoints ship a repetition penalty that their base does not have, and transformers applies it to greedy
    decoding too: the tax would be partly the penalty's. vLLM does not apply it either, once it is told how to sample.
    """
    said = {key: value for key, value in config.to_dict().items() if value is not None and key not in _NO_SETTING}
    kept = {key: value for key, value in said.items() if key.endswith("_token_id") or key in _KEPT}
    aside = {key: value for key, value in said.items() if key not in kept and value is not False}
    if aside:
        log.warning(
            "itax-hf: %s in the generation_config.json of %s is set aside; the task and --gen_kwargs decide.",
            *(", ".join(f"{key}={value}" for key, value in aside.items()), name),
        )
    return GenerationConfig(**kept)


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
