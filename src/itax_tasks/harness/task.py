"""The task class every YAML of `task_yamls/` names: items in a ready prompt column, execution in a filter.

It closes traps of the host: `--cache_requests` would serve another model's prompts, unsorted `--samples`
would mislabel documents, several ranks pad with extra responses, `--predict_only` would still run
filters, and a chat template or system text would wrap the sentinels of a FIM prompt.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from lm_eval.api.filter import FilterEnsemble
from lm_eval.api.task import ConfigurableTask

import itax_tasks
from itax_metrics.behavior import select
from itax_metrics.errors import ConfigError, ItaxError
from itax_metrics.execution import LocalExecutor
from itax_metrics.execution.ray import RayExecutor
from itax_metrics.records import Item
from itax_tasks.executors import make_executor
from itax_tasks.harness.filters import ExecuteFilter
from itax_tasks.harness.metrics import Metrics
from itax_tasks.harness.model_context import ModelContext
from itax_tasks.models.generation import facts_of
from itax_tasks.prompts import Prompts
from itax_tasks.prompts.asked import ATTRIBUTE
from itax_tasks.prompts.prepare import prepare, room_for_answer
from itax_tasks.settings import read_settings
from itax_tasks.tasks import task
from itax_tasks.toolchains import require_toolchains

log = logging.getLogger("lm_eval.itax")

_LENGTH_ALIASES = ("max_new_tokens", "max_tokens", "max_completion_tokens")

PIPELINE = "none"
"""The name of the one filter pipeline; lm-eval prints it behind every metric."""


class ItaxTask(ConfigurableTask):  # type: ignore[misc]  # lm_eval is untyped
    """One itax task inside lm-eval.

    Args:
        config: the YAML's fields merged with `--model_args` and `--metadata` (under `metadata`).

    Raises:
        ConfigError, DataError: at task build, i.e. before anything is generated.
    """

    def __init__(self, config: Mapping[str, Any] | None = None) -> None:
        given = {key: value for key, value in dict(config or {}).items() if key != "class"}
        metadata = dict(given.get("metadata") or {})
        self.spec = task(str(metadata.get("itax_task") or given.get("task")))
        self.settings = read_settings(metadata)
        self.behaviors = select(self.settings.behaviors)
        self.model = ModelContext.from_metadata(metadata)
        self._rank, self._world_size = 0, 1
        super().__init__(config=given)
        self._filters = [FilterEnsemble(PIPELINE, [self._execute_filter])]

    # Data and prompts

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        """Load the items and build every prompt; called once, at task build."""
        del dataset_kwargs, kwargs
        self.loaded = self.spec.load(self.settings)
        generation = self.config.generation_kwargs
        own = generation.get("max_gen_toks")
        if own is None or self.config.metadata.get("profile") == "paper":
            own = None  # the task's figure, or the profile's, once the family is known
        self._set_prompts(int(own) if own else None)
        room = room_for_answer(self.spec, self.config.metadata, self.prompts.family)
        self._max_gen_toks = generation["max_gen_toks"] = int(own) if own else room
        self.config.metadata["itax"] = self._record()

    def settle(self) -> None:
        """Fit the prompts to the final generation settings; called before requests are built.

        Raises:
            ConfigError: the context has no room for prompt and answer, or shots were asked for.
        """
        generation = self.config.generation_kwargs
        for alias in _LENGTH_ALIASES:
            # lm-eval reads max_gen_toks first, so an alias beside it would be recorded and ignored.
            if alias in generation:
                generation["max_gen_toks"] = generation.pop(alias)
        asked = int(generation.get("max_gen_toks", self._max_gen_toks))
        if asked != self._max_gen_toks:
            self._max_gen_toks = asked
            self._set_prompts(asked, plain=self.prompts.plain)
            self.config.metadata["itax"] = self._record()
        if self.prompts.unfit:
            raise ConfigError(self.prompts.unfit)
        if self.config.num_fewshot:
            raise ConfigError(f"{self.spec.name} is a zero-shot task; run it without --num_fewshot.")

    @cached_property
    def items(self) -> dict[str, Item]:
        """The items by task_id."""
        return self.loaded.by_id()

    def _set_prompts(self, max_gen_toks: int | None, *, plain: bool = False) -> None:
        from datasets import Dataset

        self.prompts: Prompts = prepare(
            self.spec, self.loaded.items, self.model, self.config.metadata, max_gen_toks=max_gen_toks, plain=plain
        )
        columns = {
            "task_id": [item.task_id for item in self.loaded.items],
            "prompt": list(self.prompts.texts),
            "truth": [item.truth for item in self.loaded.items],
            "cluster": [item.cluster for item in self.loaded.items],
            "truncated_prompt": list(self.prompts.truncated),
        }
        self.dataset = {"test": Dataset.from_dict(columns)}
        self.task_docs = self.dataset["test"]

    def _record(self) -> dict[str, Any]:
        """What the results file keeps, under `configs.<task>.metadata.itax`."""
        return {
            "task": self.spec.name,
            "version": itax_tasks.__version__,
            "condition": self.spec.condition,
            "protocol": self.spec.protocol,
            "extraction": dict(self.spec.rules),
            "fim": dict(self.prompts.fim) if self.prompts.fim else None,
            "stops": list(self.prompts.stops),
            "data": dict(self.loaded.data),
            "chat": self._chat(),
            "settings": self.settings.record(),
        }

    def _chat(self) -> str | None:
        """The chat template in use, for the record; None where nothing is said in a chat."""
        if not self.spec.in_chat:
            return None
        return str(self.config.metadata.get("chat", self.spec.template or "tokenizer"))

    # Requests

    def build_all_requests(self, **kwargs: Any) -> None:
        """Refuse what would wrap the prompt, then build; never from the request cache."""
        self._refuse(kwargs)
        if kwargs.get("cache_requests"):
            log.warning(
                "itax: --cache_requests is ignored for %s: lm-eval's key names neither model nor data, so "
                "another model's prompts would be served.",
                self.spec.name,
            )
        self._rank, self._world_size = int(kwargs.get("rank") or 0), int(kwargs.get("world_size") or 1)
        self.settle()
        for warning in self.prompts.warnings if self._rank == 0 else ():
            log.warning("itax: %s", warning)
        super().build_all_requests(**{**kwargs, "cache_requests": False, "rewrite_requests_cache": False})
        if "bypass" not in self._metric_fn_list:
            require_toolchains(
                self.spec, [self.items[name] for name in {each.doc["task_id"] for each in self._instances}]
            )

    def construct_requests(self, doc: Mapping[str, Any], ctx: str, **kwargs: Any) -> Any:
        """One request a document, stopping at the family's stop strings and the task's."""
        request = super().construct_requests(doc, ctx, **kwargs)
        prompt, generation = request.arguments
        until = generation.get("until") or []
        until = [until] if isinstance(until, str) else until
        request.arguments = (prompt, {**generation, "until": list(dict.fromkeys((*until, *self.prompts.stops)))})
        if self.prompts.ask is not None:
            setattr(request, ATTRIBUTE, self.prompts.ask(self._places[doc["task_id"]]))
        return request

    @cached_property
    def _places(self) -> dict[str, int]:
        """task_id to its place among the items."""
        return {item.task_id: place for place, item in enumerate(self.loaded.items)}

    def doc_iterator(
        self, *, rank: int = 0, limit: float | None = None, world_size: int = 1, samples: Sequence[int] | None = None
    ) -> Iterator[tuple[int, Any]]:
        """The documents of this rank; with `--samples`, in the order given, so that labels stay right."""
        if samples is None:
            parent: Callable[..., Iterator[tuple[int, Any]]] = super().doc_iterator
            return parent(rank=rank, limit=limit, world_size=world_size, samples=None)
        documents = self.eval_docs
        outside = [number for number in samples if not 0 <= number < len(documents)]
        if not samples or len(set(samples)) < len(samples):
            raise ConfigError(f"--samples: name at least one document of {self.spec.name}, and each of them once.")
        if outside:
            raise ConfigError(f"--samples: {self.spec.name} has documents 0 to {len(documents) - 1}, not {outside[0]}.")
        chosen = [(place, documents[number]) for place, number in enumerate(samples)]
        return iter(chosen[rank::world_size])

    def _refuse(self, asked: Mapping[str, Any]) -> None:
        name = self.spec.name
        if asked.get("system_instruction"):
            raise ConfigError(
                f"{name}: --system_instruction would be glued in front of the prompt (condition "
                f"{self.spec.condition!r}). Run it without."
            )
        if asked.get("apply_chat_template"):
            if not self.spec.in_chat or not _takes_messages(asked.get("chat_template")):
                raise ConfigError(
                    f"{name} is rendered by itax itself (condition {self.spec.condition!r}); --apply_chat_template "
                    "would wrap that in a second turn. Run it without --apply_chat_template."
                )
            self._set_prompts(None, plain=True)
        elif self.prompts.plain and self.model.served:
            raise ConfigError(
                f"{name} speaks in a chat, and no tokenizer of {self.model.name} can be loaded to render one. Use a "
                "chat model of lm_eval (local-chat-completions) with --apply_chat_template, or name a tokenizer with "
                "tokenizer=FOLDER_OR_ID."
            )

    # Verdicts

    @cached_property
    def executor(self) -> LocalExecutor | RayExecutor:
        """Runs this rank's programs, with this rank's share of the workers."""
        share = int(os.environ.get("LOCAL_WORLD_SIZE", self._world_size))
        progress = self.spec.name if self._rank == 0 else False
        return make_executor(self.settings, share=share, progress=progress)

    def _execute_filter(self) -> ExecuteFilter:
        about = {
            "model": self.model.name,
            "revision": self.model.revision,
            "task": self.spec.name,
            "itax": self.config.metadata.get("itax"),
            "generation": dict(self.config.generation_kwargs),
        }
        return ExecuteFilter(
            self.spec,
            self.items,
            self.settings,
            self.executor,
            self._rank,
            about,
            self.behaviors,
            self._spent,
        )

    def _spent(self, text: str) -> tuple[int | None, bool]:
        """Tokens of an answer, and whether they are all it was allowed, as far as its text can tell."""
        if self._tokenizer is None:
            return None, False
        tokens = len(self._tokenizer(text, add_special_tokens=False)["input_ids"])
        return tokens, tokens >= self._max_gen_toks

    @cached_property
    def _tokenizer(self) -> Any | None:
        """The model's tokenizer, where one can be loaded; counting tokens is worth no failure after generation."""
        if self.model.takes == "none":
            return None
        try:
            return self.model.tokenizer
        except ItaxError:
            return None

    def apply_filters(self) -> Any:
        """Execute the answers of this rank; under `--predict_only`, execute nothing."""
        for request in self._instances:
            # Ranks of unequal length are padded by asking the last document again.
            del request.resps[request.repeats :]
        if "bypass" in self._metric_fn_list:
            for request in self._instances:
                # Kept for `itax score`: the answers themselves stand in the row.
                facts = [{"generation": facts_of(text)} for text in request.resps]
                request.filtered_resps[PIPELINE] = json.dumps(facts)
            return self._instances
        result = super().apply_filters()
        self.config.metadata["itax"]["execution"] = self.executor.describe()
        self._withheld = self._count_undecided()
        self._behavior_names = self._with_values()
        self.executor.close()
        if self._withheld:
            log.warning(
                "itax: %d answers of %s have no verdict, so %s is withheld. %s",
                self._withheld,
                self.spec.name,
                self.spec.headline,
                self._first_reason(),
            )
        return result

    def process_results(self, doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float | None]:
        """The metrics of one document: the share of its samples that pass; NaN where one is undecided.

        None where it belongs to no such group.
        """
        if "bypass" in self._metric_fn_list:
            return {"bypass": 999}
        # Every rank must report the same keys, or gathering them fails.
        incomplete = bool(self._withheld or self._world_size > 1)
        samples = json.loads(results[0])
        return self._itax_metrics.of(doc["task_id"], samples, self._behavior_names, incomplete=incomplete)

    def _with_values(self) -> tuple[str, ...]:
        """The measures that have a value for some answer; all of them with several ranks, which must agree."""
        names = tuple(behavior.name for behavior in self.behaviors)
        if self._world_size > 1:
            return names
        seen = {name for row in self._verdicts() for name, value in row["behaviors"].items() if value is not None}
        return tuple(name for name in names if name in seen)

    def aggregation(self) -> dict[str, Callable[[Sequence[Any]], float]]:
        """lm-eval's aggregations and those of the metrics that only we know."""
        return {**super().aggregation(), **self._itax_metrics.aggregation()}

    def higher_is_better(self) -> dict[str, bool | None]:
        """lm-eval's own and those of the metrics that only we know."""
        return {**super().higher_is_better(), **self._itax_metrics.higher_is_better()}

    @cached_property
    def _itax_metrics(self) -> Metrics:
        return Metrics(self.spec, self.items, self.behaviors)

    def _verdicts(self) -> Iterator[dict[str, Any]]:
        for request in self._instances:
            yield from json.loads(request.filtered_resps[PIPELINE])

    def _count_undecided(self) -> int:
        return sum(row["verdict"] == "harness_error" for row in self._verdicts())

    def _first_reason(self) -> str:
        return next((row["detail"] for row in self._verdicts() if row["verdict"] == "harness_error"), "")


def read_verdicts(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Named by the YAML so that lm-eval takes metric names as they stand; `ItaxTask` does the reading."""
    raise ConfigError(
        "This task needs its class: keep `class: !function itax_tasks.harness.task.ItaxTask` in the YAML."
    )


def _takes_messages(chat_template: Callable[..., Any] | None) -> bool:
    """True for models that hand messages on as they are (lm-eval's HTTP chat models), instead of rendering text."""
    return chat_template is not None and not isinstance(chat_template([{"role": "user", "content": ""}]), str)
