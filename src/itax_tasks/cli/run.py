"""`itax run`: lm_eval, with everything that can be wrong found before the model loads."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

from itax_metrics.errors import ConfigError, MissingExtraError
from itax_metrics.execution import probe
from itax_tasks.cli.folders import claim
from itax_tasks.settings import read_settings
from itax_tasks.tasks import TASKS
from itax_tasks.toolchains import require_toolchains
from itax_tasks.tune.tiny import NAMES, with_folders

DEFAULT_OUTPUT = "itax_results"

_NEEDS = {
    "hf": ("torch", "hf"),
    "hf-auto": ("torch", "hf"),
    "huggingface": ("torch", "hf"),
    "vllm": ("vllm", "vllm"),
    "itax-hf": ("torch", "hf"),
    "itax-vllm": ("vllm", "vllm"),
    "itax-sglang": ("sglang", "sglang"),
    "local-completions": ("tenacity", "api"),
    "local-chat-completions": ("tenacity", "api"),
}


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(arguments: tuple[str, ...]) -> None:
    """Run lm_eval with the same options, after checking everything that can be checked.

    Data, extras, FIM family, context length, chat options and the sandbox are looked at before the model
    loads. --log_samples is on, --output_path defaults to itax_results, and --use_cache to one file per model,
    so that an interrupted generation goes on where it stopped.

    \b
    Example:
      itax run --model vllm --model_args pretrained=Qwen/Qwen2.5-Coder-7B --tasks itax_fim \\
               --confirm_run_unsafe_code
    All options: lm_eval run --help
    """
    if not arguments or arguments[0] in ("-h", "--help"):
        click.echo(click.get_current_context().get_help())
        return
    from itax_tasks.harness import host

    completed = _completed(with_folders(arguments), host.typed(arguments))
    asked = host.parse(completed)
    warnings = _Warnings()
    with warnings:
        check(asked)
    completed = _with_cache(completed, asked.config)
    click.echo(f"itax: {warnings.summary()}; running: lm_eval run {' '.join(completed)}", err=True)
    output = Path(asked.config.output_path)
    before = _samples(output)
    host.run_lm_eval(completed, only_ours=len(asked.ours) == len(asked.tasks))
    if _samples(output) - before:
        click.echo(f"itax: score it with: itax score {asked.config.output_path} --out NAME", err=True)


class _Warnings(logging.Handler):
    """Counts what the checks warn of, beside what shows it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1

    def __enter__(self) -> None:
        logging.getLogger("lm_eval.itax").addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("lm_eval.itax").removeHandler(self)

    def summary(self) -> str:
        """What to say of the checks."""
        if not self.count:
            return "all checks passed"
        return f"checks done, {self.count} warning{'s' if self.count > 1 else ''} above"


def _samples(output: Path) -> set[Path]:
    return set((output.parent if output.suffix == ".json" else output).rglob("samples_*.jsonl"))


def check(asked: Any) -> None:
    """Everything that would fail later, in the order of what it costs to find out.

    Raises:
        ConfigError, DataError, MissingExtraError: with the remedy.
    """
    from itax_tasks.harness import host

    config = asked.config
    if not all(asked.tasks) or not asked.tasks:
        named = f"--tasks {','.join(asked.tasks)} holds an empty name" if any(asked.tasks) else "No task is named"
        raise ConfigError(f"{named}. Name what to run, such as --tasks itax_hefim,itax_safim.")
    if isinstance(config.limit, (int, float)) and not 0 < config.limit < math.inf:
        raise ConfigError(
            f"--limit {config.limit:g} leaves no item to answer. Give a number of items (at least 1) or a share of "
            "them (between 0 and 1), or leave it out."
        )
    host.refuse_unknown(asked)
    if asked.ours and not config.confirm_run_unsafe_code:
        raise ConfigError(
            f"The tasks of {', '.join(asked.ours)} execute code a model wrote. It runs in a sandbox, but lm_eval wants "
            "your word: "
            "add --confirm_run_unsafe_code."
        )
    pretrained = (config.model_args or {}).get("pretrained")
    if pretrained in NAMES:
        raise ConfigError(
            f"The name {pretrained} is understood as --model_args pretrained={pretrained} on the command line alone. "
            f"Elsewhere name its folder, which `itax path --model {pretrained}` prints."
        )
    module, extra = _NEEDS.get(config.model, (None, None))
    if module is not None and find_spec(module) is None:
        raise MissingExtraError(f"--model {config.model}", str(extra))
    if asked.ours:
        _check_ours(asked)
    if config.output_path:
        # lm-eval writes beside a name that ends so, into any other.
        path = Path(config.output_path)
        claim(path.parent if path.suffix == ".json" else path, "--output_path")


def _check_ours(asked: Any) -> None:
    from itax_tasks.harness import host

    config = asked.config
    wrapped = [name for name in asked.leaves if not TASKS[name].in_chat]
    if config.system_instruction or (config.apply_chat_template and wrapped):
        option = "--system_instruction" if config.system_instruction else "--apply_chat_template"
        raise ConfigError(
            f"itax renders the prompts of {', '.join(wrapped or asked.leaves)} itself; run without {option}."
        )
    settings = read_settings(config.metadata)
    report = probe()
    if settings.sandbox == "require" and not config.predict_only and not report.contained:
        raise ConfigError(
            f"Programs cannot be contained on this machine ({report.summary()}). Generate here with --predict_only and "
            "`itax score` on a capable machine, or accept weaker containment with ITAX_SANDBOX=prefer."
        )
    twice = [name for name, times in Counter(asked.leaves).items() if times > 1]
    if twice:
        raise ConfigError(f"{', '.join(asked.ours)} name {twice[0]} more than once; lm_eval takes each task once.")
    for task in host.build(asked.leaves, dict(config.metadata), backend=config.model).values():
        if config.gen_kwargs:
            task.set_config("generation_kwargs", dict(config.gen_kwargs), update=True)
        if config.num_fewshot is not None:
            task.set_config("num_fewshot", config.num_fewshot)
        task.settle()
        if not config.predict_only and not config.limit and not config.samples:
            require_toolchains(task.spec, task.items.values())


def _completed(arguments: Sequence[str], typed: dict[str, Any]) -> list[str]:
    """The arguments with samples logged and a folder to write to, where neither the line nor --config says so."""
    completed = list(arguments)
    if not typed.get("output_path"):
        completed += ["--output_path", DEFAULT_OUTPUT]
    if not typed.get("log_samples"):
        completed += ["--log_samples"]
    return completed


def _with_cache(arguments: Sequence[str], config: Any) -> list[str]:
    """Add `--use_cache` with a file of this very model, unless the user named one or replays stored answers."""
    if config.use_cache or config.model == "itax-replay":
        return list(arguments)
    folder = read_settings(config.metadata).state_dir / "responses"
    folder.mkdir(parents=True, exist_ok=True)
    return [*arguments, "--use_cache", str(folder / model_slug(config.model, dict(config.model_args or {})))]


def model_slug(backend: str, model_args: dict[str, Any]) -> str:
    """A file name that is the same for the same model only.

    lm-eval's response cache has no model in its key. What lies in local folders is told apart by the sizes and times
    of its files too, because checkpoints and adapters are overwritten under one name.
    """
    name = _named(model_args)
    identity = [backend, sorted((key, str(value)) for key, value in model_args.items()), *local_files(model_args)]
    digest = hashlib.sha256(json.dumps(identity).encode("utf-8")).hexdigest()[:12]
    readable = re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("_")[-60:]
    return f"{readable}-{digest}"


def local_files(model_args: Mapping[str, Any]) -> list[tuple[str, int, int]]:
    """Name, size and time (ns) of the files on this machine that the model is read from; none for one of the hub."""
    found = []
    for path in _local(_named(model_args), model_args):
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            if file.is_file():
                found.append((file.name, file.stat().st_size, file.stat().st_mtime_ns))
    return found


def _named(model_args: Mapping[str, Any]) -> str:
    return str(model_args.get("pretrained") or model_args.get("model") or "model")


_PARTS = ("peft", "delta", "lora_local_path", "tokenizer")
"""Model arguments beside the model itself that may name a local folder whose content changes the answers."""
_INSIDE = ("subfolder", "gguf_file")
"""Model arguments that name something within the model's folder."""


def _local(name: str, model_args: Mapping[str, Any]) -> list[Path]:
    """The files and folders on this machine that the model is read from."""
    named = [Path(name), *(Path(name) / str(model_args[key]) for key in _INSIDE if model_args.get(key))]
    named += [Path(str(model_args[key])) for key in _PARTS if model_args.get(key)]
    return [path for path in dict.fromkeys(named) if path.exists()]
