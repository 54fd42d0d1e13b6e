"""How servers with a native suffix are spoken to: one row a dialect, with what is odd about each.

| dialect | request | answer | odd |
|---|---|---|---|
| openai | POST /v1/completions, `suffix` | `choices[0].text` | vLLM answers 400; SGLang may drop the suffix silently |
| mistral | POST /v1/fim/completions, `suffix` | `choices[0].message.content` | the shape of a chat; `random_seed` |
| deepseek | POST /beta/completions, `suffix` | `choices[0].text` | 4,096 new tokens and 16 stops at most |
| llamacpp | POST /infill, `input_prefix`, `input_suffix` | `content` | 501 where it finds no FIM tokens |
| ollama | POST /api/generate, `suffix` | `response` | an empty suffix falls back to the chat template |

Sources: docs.mistral.ai (FIM endpoint), api-docs.deepseek.com (FIM completion, beta), llama.cpp server README, ollama
`docs/api.md` and issues 5207, 6932 and 8320, vllm issues 9522 and 9976, text-generation-inference issue 1527.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from itax_metrics.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Wanted:
    """One completion to ask for."""

    prefix: str
    suffix: str | None
    """None: complete the prefix alone."""
    max_tokens: int
    stops: tuple[str, ...]
    sampling: Mapping[str, Any]
    """`temperature`, `top_p`, `seed`, where they are set."""


@dataclass(frozen=True, slots=True)
class Told:
    """What came back."""

    text: str
    finish: str | None = None
    """`stop` or `length`, where the server says."""
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of asking."""

    name: str
    path: str
    key: str | None
    """The environment variable that holds the key."""
    body: Callable[[Wanted, str], dict[str, Any]]
    read: Callable[[Mapping[str, Any]], Told]
    most_tokens: int | None = None
    most_stops: int | None = None
    plain_path: str | None = None
    """Where a prefix alone is completed, if not at the same place."""
    empty_suffix: str | None = None
    """What is sent in place of an empty suffix, where an empty one means something else to the server."""


def _openai_body(wanted: Wanted, model: str) -> dict[str, Any]:
    suffix = {} if wanted.suffix is None else {"suffix": wanted.suffix}
    stops = {"stop": list(wanted.stops)} if wanted.stops else {}
    return {
        "model": model,
        "prompt": wanted.prefix,
        **suffix,
        "max_tokens": wanted.max_tokens,
        **stops,
        **wanted.sampling,
    }


def _mistral_body(wanted: Wanted, model: str) -> dict[str, Any]:
    body = _openai_body(wanted, model)
    if "seed" in body:
        body["random_seed"] = body.pop("seed")
    return body


def _llamacpp_body(wanted: Wanted, model: str) -> dict[str, Any]:
    del model  # the server holds one
    if wanted.suffix is None:
        asked = {"prompt": wanted.prefix}
    else:
        asked = {"input_prefix": wanted.prefix, "input_suffix": wanted.suffix}
    return {
        **asked,
        "n_predict": wanted.max_tokens,
        "stop": list(wanted.stops),
        **wanted.sampling,
    }


def _ollama_body(wanted: Wanted, model: str) -> dict[str, Any]:
    options = {"num_predict": wanted.max_tokens, "stop": list(wanted.stops), **wanted.sampling}
    if wanted.suffix is None:
        return {"model": model, "prompt": wanted.prefix, "raw": True, "stream": False, "options": options}
    return {"model": model, "prompt": wanted.prefix, "suffix": wanted.suffix, "stream": False, "options": options}


def _openai_read(answer: Mapping[str, Any]) -> Told:
    choice = answer["choices"][0]
    return Told(choice["text"], choice.get("finish_reason"), (answer.get("usage") or {}).get("completion_tokens"))


def _mistral_read(answer: Mapping[str, Any]) -> Told:
    choice = answer["choices"][0]
    text = choice["message"]["content"]
    return Told(text, choice.get("finish_reason"), (answer.get("usage") or {}).get("completion_tokens"))


def _llamacpp_read(answer: Mapping[str, Any]) -> Told:
    finish = "length" if answer.get("stopped_limit") or answer.get("stop_type") == "limit" else "stop"
    return Told(answer["content"], finish, answer.get("tokens_predicted"))


def _ollama_read(answer: Mapping[str, Any]) -> Told:
    return Told(answer["response"], answer.get("done_reason"), answer.get("eval_count"))


DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect("openai", "/v1/completions", "OPENAI_API_KEY", _openai_body, _openai_read),
        Dialect("mistral", "/v1/fim/completions", "MISTRAL_API_KEY", _mistral_body, _mistral_read),
        Dialect(
            "deepseek",
            "/beta/completions",
            "DEEPSEEK_API_KEY",
            _openai_body,
            _openai_read,
            most_tokens=4096,
            most_stops=16,
        ),
        Dialect("llamacpp", "/infill", "LLAMA_API_KEY", _llamacpp_body, _llamacpp_read, plain_path="/completion"),
        Dialect("ollama", "/api/generate", None, _ollama_body, _ollama_read, empty_suffix="\n"),
    )
}


def dialect(name: str) -> Dialect:
    """The dialect of that name.

    Raises:
        ConfigError: there is none; names all.
    """
    if name not in DIALECTS:
        raise ConfigError(f"dialect={name} is not one of {', '.join(DIALECTS)}.")
    return DIALECTS[name]
