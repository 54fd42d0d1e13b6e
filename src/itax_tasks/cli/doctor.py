"""`itax doctor`: what works on this machine, what does not, and what to do about it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Literal

import click

import itax_tasks
from itax_metrics.execution import languages, probe
from itax_tasks import data
from itax_tasks.cli.settings import HELP
from itax_tasks.harness import discovery
from itax_tasks.paths import task_path
from itax_tasks.settings import read_settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    mark: Literal["ok", "--", "!!"]
    """ok works; -- is not there and may not be needed; !! must be mended before anything is measured."""
    what: str


@click.command(context_settings=HELP)
def doctor() -> None:
    """Check this installation: lm_eval, discovery, sandbox, data, extras.

    Exit status 1 if something that every measurement needs does not work.
    """
    findings = list(examine())
    for finding in findings:
        click.echo(f"[{finding.mark}] {finding.what}")
    if any(finding.mark == "!!" for finding in findings):
        raise click.exceptions.Exit(1)


def examine() -> Iterator[Finding]:
    """All findings, in the order a run would meet them."""
    yield Finding("ok", f"itax {itax_tasks.__version__}, Python {platform.python_version()}, {platform.system()}")
    yield from _lm_eval()
    yield from _sandbox()
    yield from _state()
    yield from _languages()
    yield from _data()
    yield from _extras()


def _lm_eval() -> Iterator[Finding]:
    version = discovery.lm_eval_version()
    if version is None:
        yield Finding("!!", "lm-eval is not installed: pip install 'lm-eval>=0.4.13'")
        return
    import lm_eval.models  # noqa: F401
    import lm_eval.tasks.manager as manager
    from lm_eval.api.registry import model_registry

    fallback = f'use `itax run`, or lm_eval --include_path "{task_path()}"'
    if discovery.upstream_discovers_tasks(manager):
        yield Finding("ok", f"lm-eval {version} discovers the itax tasks by itself (entry points)")
    elif version not in discovery.TESTED_LM_EVAL:
        tested = ", ".join(discovery.TESTED_LM_EVAL)
        yield Finding("--", f"lm-eval {version} was never tried with the import hook (tested: {tested}): {fallback}")
    elif os.environ.get("ITAX_NO_AUTOLOAD"):
        yield Finding("--", f"ITAX_NO_AUTOLOAD switches discovery off: {fallback}")
    elif "_itax_lm_eval_hook" not in sys.modules:
        yield Finding("--", f"the import hook did not load (python -S, a zipapp, or PYTHONPATH only): {fallback}")
    elif not hasattr(manager.TaskManager.__init__, "__wrapped__"):
        yield Finding("!!", f"the import hook is there but did not serve the tasks: {fallback}, and please report it")
    else:
        yield Finding("ok", f"lm-eval {version} finds the itax tasks; plain lm_eval commands work")
    served = [name for name in discovery.MODELS if name in model_registry]
    mark: Literal["ok", "--"] = "ok" if len(served) == len(discovery.MODELS) else "--"
    yield Finding(mark, f"models registered: {', '.join(served) or 'none (use `itax run`)'}")


def _sandbox() -> Iterator[Finding]:
    report = probe()
    policy = read_settings().sandbox
    if report.contained:
        yield Finding("ok", f"sandbox: {report.summary()}")
    elif policy == "require":
        yield Finding(
            "!!",
            f"sandbox: {report.summary()}; verdicts will be pending. Score on another machine with "
            "`itax score`, or set ITAX_SANDBOX=prefer",
        )
    else:
        yield Finding("--", f"sandbox: {report.summary()}; ITAX_SANDBOX={policy} runs programs all the same")


def _languages() -> Iterator[Finding]:
    for name in languages.PROCESSES:
        lacking = languages.missing(name)
        if lacking is None:
            yield Finding("ok", f"language {name}: {languages.version(name)}")
        else:
            yield Finding("--", f"language {name}: {lacking} SAFIM's tasks need it")


def _state() -> Iterator[Finding]:
    folder = read_settings().state_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / f".doctor-{os.getpid()}"
        trial.write_text("")
        trial.unlink()
    except OSError as error:
        yield Finding("!!", f"state folder {folder} is not writable ({error}): set ITAX_STATE_DIR")
        return
    yield Finding("ok", f"state folder {folder} (journals, verdict cache, fetched data)")


def _data() -> Iterator[Finding]:
    settings = read_settings()
    for benchmark in data.benchmarks():
        files = [file for file in data.files().values() if file.benchmark == benchmark]
        here = [file for file in files if data.find(file, settings) is not None]
        if len(here) == len(files):
            yield Finding("ok", f"data {benchmark}: {len(here)} of {len(files)} files")
        else:
            missing = ", ".join(f"{file.name}{_wanted_by(file)}" for file in files if file not in here)
            remedy = f"itax data fetch {benchmark}, or set ITAX_DATA_DIR"
            yield Finding("--", f"data {benchmark}: {len(here)} of {len(files)} files, without {missing}; {remedy}")


_ONE_TASK = {
    ("safim", "prompt_utils.py"): "itax_safim_official_instructed under safim_mode fewshot",
    ("ds1000", "fewshots_ds1000.json"): "itax_ds1000",
}
"""Files that one task alone reads, where a benchmark has tasks that do without."""


def _wanted_by(file: data.DataFile) -> str:
    task = _ONE_TASK.get((file.benchmark, file.name))
    return f" (only {task} needs it)" if task else ""


def _extras() -> Iterator[Finding]:
    for extra, module in (
        ("hf", "torch"),
        ("hf", "transformers"),
        ("vllm", "vllm"),
        ("sglang", "sglang"),
        ("ray", "ray"),
        ("safim", "tree_sitter"),
        ("plots", "vl_convert"),
    ):
        if find_spec(module) is None:
            yield Finding("--", f"{module} is not installed: pip install 'itax-tasks[{extra}]' if you need it")
        else:
            yield Finding("ok", f"{module} {_version(_DISTRIBUTIONS.get(module, module))}")


_DISTRIBUTIONS = {"vl_convert": "vl-convert-python"}
"""Where the module's name is not the distribution's."""


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(unknown version)"
