"""`--model itax-completions`: servers that take prefix and suffix and put the prompt together themselves.

    lm_eval --model itax-completions --model_args model=codestral-latest,dialect=mistral,base_url=URL ...

Before the first item two requests with different suffixes show whether the server heeds the suffix at all; one that
ignores it, or appends it to the answer, is refused. Requests are retried with growing pauses, several run at once, and
each answer is kept by lm-eval's `--use_cache` as it comes, so that an interrupted run goes on where it stopped. Keys
come from the environment alone.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import random
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from lm_eval.api.model import LM
from lm_eval.models.utils import normalize_gen_kwargs
from tqdm import tqdm

from itax_metrics.errors import ConfigError, ExecutionError
from itax_tasks.models import dialects
from itax_tasks.models.dialects import Told, Wanted
from itax_tasks.models.generation import Finish, Generation
from itax_tasks.models.presence import announce
from itax_tasks.prompts.asked import asked

log = logging.getLogger("lm_eval.itax")

_RETRIED = (408, 409, 425, 429, 500, 502, 503, 504, 529)
_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_KEPT = ("temperature", "top_p", "seed")

PROBE_PREFIX = "def answer():\n    "
PROBE_SUFFIXES = (
    "\n    return first_of_two\n\n\nprint(answer() + 1)\n",
    "\n    raise KeyError(other_name)\n\n\nclass Unrelated:\n    pass\n",
)
PROBE_TOKENS = 24


class ItaxCompletions(LM):  # type: ignore[misc]  # lm_eval is untyped
    """A server with a native suffix.

    Args:
        model: the name that the server knows the model by.
        base_url: scheme, host and port; the dialect knows the path.
        dialect: openai, mistral, deepseek, llamacpp or ollama.
        path: another path than the dialect's.
        num_concurrent: requests under way at once.
        max_retries: further tries after a failure that may pass.
        timeout: seconds a request may take.
        probe: False leaves the two trial requests out.

    Raises:
        ConfigError: a missing or unknown argument, or a key among them.
    """

    itax_takes = "native_suffix"
    max_length = None

    def __init__(
        self,
        model: str | None = None,
        base_url: str | None = None,
        dialect: str = "openai",
        path: str | None = None,
        num_concurrent: int | str = 4,
        max_retries: int | str = 5,
        timeout: float | str = 300,
        probe: bool | str = True,
        **unused: Any,
    ) -> None:
        super().__init__()
        secret = next((name for name in ("api_key", "token", "key") if unused.get(name)), None)
        if secret is not None:
            raise ConfigError(
                f"{secret}=... would be written into the results; set the key in the environment instead."
            )
        if not model or not base_url:
            raise ConfigError("itax-completions needs --model_args model=NAME,base_url=URL,dialect=DIALECT.")
        if not base_url.startswith(("http://", "https://")):
            raise ConfigError(f"base_url={base_url} must start with http:// or https://.")
        self.dialect = dialects.dialect(dialect)
        self.model = model
        self.url = base_url.rstrip("/") + (path or self.dialect.path)
        self.plain_url = base_url.rstrip("/") + (path or self.dialect.plain_path or self.dialect.path)
        self.concurrent = max(1, int(num_concurrent))
        self.retries = max(0, int(max_retries))
        self.timeout = float(timeout)
        self._probed = str(probe).lower() == "false"
        announce(self, model)

    @classmethod
    def create_from_arg_obj(
        cls, arg_dict: dict[str, Any], additional_config: dict[str, Any] | None = None
    ) -> ItaxCompletions:
        """Called by lm-eval; device and batch sizes mean nothing here."""
        return cls(**arg_dict)

    @property
    def tokenizer_name(self) -> str:
        """Stands in cache keys and results."""
        return ""

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """The answers, each with its facts.

        Raises:
            ConfigError: the server ignores or echoes the suffix, or refuses the request.
            ExecutionError: it cannot be reached, however often it is tried.
        """
        if any(asked(request) is None for request in requests):
            raise ConfigError(
                "itax-completions sends prefix and suffix, which only itax tasks know. Use local-completions for "
                f"{next(request.task_name for request in requests if asked(request) is None)}."
            )
        if not self._probed and any(request.itax_asked.suffix for request in requests):
            self.check_suffix()
        answers: list[Generation | None] = [None] * len(requests)
        bar = tqdm(total=len(requests), disable=disable_tqdm, desc="Running generate_until requests")
        with ThreadPoolExecutor(self.concurrent) as pool:
            under_way = {pool.submit(self._answer, request): place for place, request in enumerate(requests)}
            try:
                for done in as_completed(under_way):
                    place = under_way[done]
                    answers[place] = done.result()
                    self.cache_hook.add_partial("generate_until", requests[place].args, answers[place])
                    bar.update(1)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        bar.close()
        return [answer for answer in answers if answer is not None]

    def loglikelihood(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """These servers give no log-probabilities of a text."""
        raise ConfigError("itax-completions answers generation tasks only; it has no log-probabilities.")

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        """These servers give no log-probabilities of a text."""
        raise ConfigError("itax-completions answers generation tasks only; it has no log-probabilities.")

    def check_suffix(self) -> None:
        """Two requests that differ in the suffix alone: a server that heeds it answers them differently.

        Raises:
            ConfigError: the answers are equal, or end with the suffix they were sent.
        """
        told = [
            self._ask(Wanted(PROBE_PREFIX, suffix, PROBE_TOKENS, (), {"temperature": 0.0})).text
            for suffix in PROBE_SUFFIXES
        ]
        for text, suffix in zip(told, PROBE_SUFFIXES, strict=True):
            if suffix.strip() in text:
                raise ConfigError(
                    f"{self.url} repeats the suffix at the end of its answer (as TGI does), so its answers are no "
                    f"middles: {text[-60:]!r}. Serve the model with vLLM and use itax-vllm, or another dialect."
                )
        if told[0] == told[1]:
            raise ConfigError(
                f"{self.url} gave one and the same answer to two requests that differ in the suffix alone, so it "
                f"ignores the suffix (SGLang does without --completion-template): {told[0][:60]!r}. Mend the server, "
                "or say probe=False in --model_args if the answers are equal by chance."
            )
        self._probed = True

    def _answer(self, request: Any) -> Generation:
        began = time.perf_counter()
        settings = dict(normalize_gen_kwargs(dict(request.args[1]), 256))
        stops = tuple(text for text in settings.get("until") or () if text)
        room = int(settings["max_gen_toks"])
        self._check_limits(room, stops)
        hole = request.itax_asked
        fills = request.args[0] != hole.prefix
        suffix = (hole.suffix or self.dialect.empty_suffix or "") if fills else None
        sampling = {name: settings[name] for name in _KEPT if settings.get(name) is not None}
        told = self._ask(Wanted(hole.prefix, suffix, room, stops, sampling))
        text, ended = told.text, ""
        at, stop = min(((place, stop) for stop in stops if (place := text.find(stop)) >= 0), default=(-1, ""))
        if at >= 0:  # servers differ in whether the stop itself is part of the text
            text, ended = text[:at], stop
        finish: Finish = "length" if told.finish == "length" and not ended else "stop"
        seconds = time.perf_counter() - began
        return Generation(text, tokens=told.tokens, finish=finish, ended_by=ended, seconds=seconds, leaks=None)

    def _check_limits(self, room: int, stops: Sequence[str]) -> None:
        most = self.dialect.most_tokens
        if most is not None and room > most:
            raise ConfigError(
                f"{self.dialect.name} gives at most {most} new tokens, not {room}: --gen_kwargs max_gen_toks={most}."
            )
        if self.dialect.most_stops is not None and len(stops) > self.dialect.most_stops:
            raise ConfigError(f"{self.dialect.name} takes at most {self.dialect.most_stops} stops, not {len(stops)}.")

    def _ask(self, wanted: Wanted) -> Told:
        body = json.dumps(self.dialect.body(wanted, self.model)).encode()
        headers = {"Content-Type": "application/json"}
        key = os.environ.get(self.dialect.key or "")
        if key:
            headers["Authorization"] = f"Bearer {key}"
        pause, trouble = _PAUSE, ""
        for attempt in range(self.retries + 1):
            if attempt:
                time.sleep(pause * (0.5 + random.random()))
                pause = min(2 * pause, _LONGEST_PAUSE)
            try:
                answer = self._post(self.url if wanted.suffix is not None else self.plain_url, body, headers)
            except urllib.error.HTTPError as error:
                said = _said(error)
                if error.code not in _RETRIED:
                    raise ConfigError(self._refusal(error.code, said)) from error
                trouble = f"HTTP {error.code}: {said}"
                pause = max(pause, _seconds(error.headers.get("Retry-After")))
            except (http.client.HTTPException, OSError, ValueError) as error:
                # Refused, reset, timed out; http.client has an error of its own for an answer cut off in the middle.
                trouble = f"{type(error).__name__}: {error}"
            else:
                return self._read(answer)
        raise ExecutionError(f"{self.url} gave no answer in {self.retries + 1} tries; the last: {trouble}.")

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Mapping[str, Any]:
        request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")
        with urllib.request.urlopen(request, timeout=self.timeout) as response:
            answer = json.loads(response.read())
        if not isinstance(answer, dict):
            raise ValueError(f"the answer is a JSON {type(answer).__name__}")
        return answer

    def _read(self, answer: Mapping[str, Any]) -> Told:
        try:
            told = self.dialect.read(answer)
        except (KeyError, IndexError, TypeError) as error:
            raise ConfigError(
                f"{self.url} answers in another shape than dialect {self.dialect.name}: no {error} in "
                f"{json.dumps(answer)[:200]}. Name the right dialect."
            ) from error
        if not isinstance(told.text, str):
            raise ConfigError(
                f"{self.url} answered with {type(told.text).__name__} where dialect {self.dialect.name} has text."
            )
        return told

    def _refusal(self, code: int, said: str) -> str:
        hints = {
            401: f"Set the key in the environment: {self.dialect.key}.",
            403: f"Check the key in the environment: {self.dialect.key}.",
            404: f"Is dialect={self.dialect.name} right? The path can be given as path=....",
            501: "The server finds no FIM tokens in this model; use itax-hf or itax-vllm with the family named.",
        }
        hint = hints.get(code, "")
        if "suffix" in said or "insert" in said:
            hint = "This server cannot fill in; serve the model with vLLM and use itax-vllm, which builds the prompt."
        return f"{self.url} refuses the request (HTTP {code}: {said.strip()}). {hint}".strip()


def _said(error: urllib.error.HTTPError) -> str:
    """What the server says of its refusal, as far as it arrived."""
    try:
        said = error.read()
    except http.client.IncompleteRead as cut:
        said = cut.partial
    except OSError:
        said = b""
    return said.decode("utf-8", "replace")[:300]


def _seconds(value: str | None) -> float:
    try:
        return float(value or 0)
    except ValueError:  # a date
        return 0.0
