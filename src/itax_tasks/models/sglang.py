"""`--model itax-sglang`: lm-eval's `sglang`, handed token ids and cut on ids.

The engine, its batching, tensor and data parallelism are lm-eval's own; every argument of `sglang` passes through. What
differs: the prompt is the ids that the task rendered, stop tokens are given as ids, and the stored text is decoded here
from the ids of the answer, so that its control tokens stay up to the first stop.

Covered: what the engine is asked and how its answers are read, by the interface of SGLang 0.5.
Not covered: the engine itself, which runs on CUDA only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from lm_eval.models.sglang_causallms import SGLangLM
from lm_eval.models.utils import normalize_gen_kwargs

from itax_metrics.errors import ConfigError, ExecutionError, MissingExtraError
from itax_tasks.models.generation import Stops, configured_ends, stops_of
from itax_tasks.models.ids import SettingsPerRow
from itax_tasks.models.presence import announce


class ItaxSGLang(SettingsPerRow, SGLangLM):  # type: ignore[misc]  # lm_eval is untyped
    """lm-eval's SGLang backend for prompts given as token ids; takes the same arguments."""

    def __init__(self, pretrained: str, *args: Any, **kwargs: Any) -> None:
        if find_spec("sglang") is None:
            raise MissingExtraError("--model itax-sglang", "sglang")
        super().__init__(pretrained, *args, **kwargs)
        self._stops: dict[Any, Stops] = {}
        self._ends = configured_ends(self.tokenizer, pretrained, kwargs.get("revision"))
        announce(self, str(pretrained))

    def _sampling(self, settings: Mapping[str, Any]) -> tuple[Stops, dict[str, Any]]:
        given = dict(normalize_gen_kwargs(dict(settings), self.max_gen_toks))
        stops = stops_of(self._stops, self.tokenizer, self._ends, given.pop("until", None) or [])
        room = given.pop("max_gen_toks")
        return stops, {
            **self.modify_gen_kwargs(given),
            "max_new_tokens": room,
            "stop": list(stops.strings),
            "stop_token_ids": sorted(stops.ids | set(given.get("stop_token_ids") or ())),
        }

    def _ids_of(self, output: Mapping[str, Any]) -> Sequence[int]:
        """The ids of an answer, the one that ended it included.

        Raises:
            ExecutionError: the engine gave up on the request.
            ConfigError: a release of SGLang whose answers hold no ids.
        """
        about = output.get("meta_info") or {}
        finish = about.get("finish_reason") or {}
        if finish.get("type") == "abort":
            raise ExecutionError(f"SGLang gave up on a request: {finish.get('message')}. Its log says more.")
        ids = output.get("output_ids")
        if ids is None:
            raise ConfigError("This release of SGLang does not return output_ids; itax-sglang needs 0.5 or newer.")
        return [int(token) for token in ids]
