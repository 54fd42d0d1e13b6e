"""`--model itax-vllm`: lm-eval's `vllm`, handed token ids and cut on ids.

The engine, its batching, tensor and data parallelism, LoRA and log-probabilities are lm-eval's own; every argument of
`vllm` passes through. What differs: the prompt is the ids that the task rendered, stop tokens are given as ids, and
the stored text keeps its control tokens up to the first stop.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, cast

from lm_eval.models.utils import Collator
from lm_eval.models.vllm_causallms import VLLM
from tqdm import tqdm
from transformers import GenerationConfig

from itax_tasks.models.generation import Generation, Stops, end_ids, stops_of
from itax_tasks.models.ids import check_room, split
from itax_tasks.models.presence import announce
from vllm import SamplingParams


class ItaxVLLM(VLLM):  # type: ignore[misc]  # lm_eval is untyped
    """lm-eval's vLLM backend for prompts given as token ids; takes the same arguments."""

    itax_takes = "ids"

    def __init__(self, pretrained: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(pretrained, *args, **kwargs)
        self._stops: dict[Any, Stops] = {}
        self._ends = end_ids(self.tokenizer, _generation_config(pretrained, kwargs.get("revision")))
        announce(self, str(pretrained))

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """The answers, each with its facts; requests of other tasks go lm-eval's own way."""
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
        order = Collator(rows, lambda row: (-len(row[0][1]), row[0][0]), group_by=None)
        answers: list[Generation] = []
        bar = tqdm(total=len(rows), disable=disable_tqdm or self.rank != 0, desc="Running generate_until requests")
        for chunk in order.get_batched(n=0 if self.batch_size == "auto" else int(self.batch_size), batch_fn=None):
            made = self._batch(chunk)
            for ((text, _), settings), answer in zip(chunk, made, strict=True):
                self.cache_hook.add_partial("generate_until", (text, settings), answer)
            answers += made
            bar.update(len(made))
        bar.close()
        return cast("list[str]", order.get_original(answers))

    def _batch(self, chunk: Sequence[Any]) -> list[Generation]:
        began = time.perf_counter()
        stops, sampling = zip(*(self._sampling(settings) for _, settings in chunk), strict=True)
        outputs = self._model_generate(
            requests=[list(ids) for (_, ids), _ in chunk], generate=True, sampling_params=list(sampling)
        )
        share = (time.perf_counter() - began) / len(chunk)
        return [
            stop.generation(output.outputs[0].token_ids, seconds=share)
            for stop, output in zip(stops, outputs, strict=True)
        ]

    def _sampling(self, settings: dict[str, Any]) -> tuple[Stops, SamplingParams]:
        given, until, room = self.modify_gen_kwargs(settings, eos=None, default_max_gen_toks=self.max_gen_toks)
        stops = stops_of(self._stops, self.tokenizer, self._ends, until)
        sampling = SamplingParams(
            **{
                **given,
                "max_tokens": room,
                "stop": list(stops.strings),
                "stop_token_ids": sorted(stops.ids | set(given.get("stop_token_ids") or ())),
                # The engine reads text only where a stop string asks for it; the stored text is decoded here.
                "detokenize": bool(stops.strings),
            }
        )
        return stops, sampling


def _generation_config(pretrained: str, revision: str | None) -> Any | None:
    try:
        return GenerationConfig.from_pretrained(pretrained, revision=revision or "main")
    except (OSError, ValueError):  # a checkpoint need not have one
        return None
