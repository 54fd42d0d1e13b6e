"""`--model itax-vllm`: lm-eval's `vllm`, handed token ids and cut on ids.

The engine, its batching, tensor and data parallelism, LoRA and log-probabilities are lm-eval's own; every argument of
`vllm` passes through. What differs: the prompt is the ids that the task rendered, stop tokens are given as ids, and
the stored text keeps its control tokens up to the first stop.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from itax_metrics.errors import MissingExtraError
from itax_tasks.models.generation import Stops, configured_ends, stops_of
from itax_tasks.models.ids import SettingsPerRow
from itax_tasks.models.presence import announce

try:
    from lm_eval.models.vllm_causallms import VLLM

    from vllm import SamplingParams
except ModuleNotFoundError as error:
    raise MissingExtraError("--model itax-vllm", "vllm") from error


class ItaxVLLM(SettingsPerRow, VLLM):  # type: ignore[misc]  # lm_eval is untyped
    """lm-eval's vLLM backend for prompts given as token ids; takes the same arguments."""

    def __init__(self, pretrained: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(pretrained, *args, **kwargs)
        self._stops: dict[Any, Stops] = {}
        self._ends = configured_ends(self.tokenizer, pretrained, kwargs.get("revision"))
        announce(self, str(pretrained))

    def _sampling(self, settings: Mapping[str, Any]) -> tuple[Stops, SamplingParams]:
        given, until, room = self.modify_gen_kwargs(dict(settings), eos=None, default_max_gen_toks=self.max_gen_toks)
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

    def _ids_of(self, output: Any) -> Sequence[int]:
        ids: Sequence[int] = output.outputs[0].token_ids
        return ids
