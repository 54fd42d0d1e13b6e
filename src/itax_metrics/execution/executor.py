"""Runs programs: equal ones once, known ones not at all, the others in contained workers.

Covered and not covered: the sum of the layers, see `sandbox`; which of them hold here is in `describe()` and in every
run's record. Programs share a process with their own tests (see `trial`).
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol

from ..errors import ConfigError, ExecutionError
from ..records import Flag, Status, Verdict
from . import environments, judging, languages
from .cache import VerdictCache
from .cores import usable_cores, warn_of_load
from .languages.workshop import Workshop
from .pool import Pool
from .programs import Program, StdioJudge
from .progress import Progress
from .sandbox.probe import SandboxReport, probe
from .worker import PROFILES, WorkerConfig

ENGINE = 4
"""Part of every cache key: raised whenever the meaning of a verdict changes."""

_SAVE_EVERY_SECONDS = 2.0
_POLICIES = ("require", "prefer", "off")

OnVerdict = Callable[[int, Verdict], None]


class Executor(Protocol):
    """Anything that turns programs into verdicts."""

    def run(self, programs: Sequence[Program], *, on_verdict: OnVerdict | None = None) -> list[Verdict]:
        """One verdict per program, in order; never raises because of a program."""
        ...


class LocalExecutor:
    """Runs programs on this machine, several at a time.

    Args:
        workers: programs at a time; default this executor's share of the usable cores. More than there are cores is
            allowed and warned about.
        policy: `require` executes nothing unless files, network and processes are contained; `prefer` uses the layers
            there are; `off` uses limits and a scratch directory only.
        cache: where verdicts are kept between runs.
        artifacts: directory in which compiled programs, precompiled headers and the like are kept between runs;
            without one they last as long as this executor.
        environments_folder: where the pinned environments are; default where `itax env create` puts them.
        progress: True, or the label of a bar on stderr.
        share: executors that work on this machine at the same time, this one included; each counts on its share of the
            cores and of the free memory.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        policy: Literal["require", "prefer", "off"] = "require",
        cache: VerdictCache | None = None,
        artifacts: Path | None = None,
        environments_folder: Path | None = None,
        progress: bool | str = False,
        share: int = 1,
    ) -> None:
        if policy not in _POLICIES:
            raise ConfigError(f"Unknown sandbox policy {policy!r}. Set ITAX_SANDBOX to one of: {', '.join(_POLICIES)}.")
        if workers is not None and workers < 1:
            raise ConfigError(f"{workers} workers cannot run anything. Set ITAX_WORKERS to 1 or more.")
        self.policy = policy
        self._share = max(1, share)
        self.workers = workers or max(1, usable_cores() // self._share)
        if workers is not None:
            warn_of_load(workers * self._share, usable_cores())
        self._cache = cache
        self._progress = progress
        self._artifacts = artifacts
        self._workshop = Workshop(artifacts)
        self._environments_folder = environments_folder
        self._environments: dict[str, environments.Environment] = {}
        """Those that programs asked for, found as they were made."""
        self._pool, self._turn = self._new_pool()
        self._owner = os.getpid()

    @property
    def runtime(self) -> str:
        """What verdicts depend on beside the program: interpreter, machine and active layers."""
        interpreter = f"{sys.implementation.name}-{platform.python_version()}"
        hashing = f"{sys.hash_info.algorithm}{sys.hash_info.width}"
        return "/".join([f"engine{ENGINE}", interpreter, platform.machine(), hashing, "+".join(self._layers())])

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """Process ids of the workers that are up."""
        return self._pool.pids

    def describe(self) -> dict[str, Any]:
        """What goes into the record of a run."""
        return {
            "policy": self.policy,
            "layers": list(self._layers()),
            "missing": {"all": "switched off"} if self.policy == "off" else dict(probe().missing),
            "interpreter": f"{platform.python_implementation()} {platform.python_version()}",
            "workers": self.workers,
            "compilers": languages.toolchains(),
            "environments": {name: environments.record(used) for name, used in sorted(self._environments.items())},
        }

    def run(self, programs: Sequence[Program], *, on_verdict: OnVerdict | None = None) -> list[Verdict]:
        """Execute the programs; equal ones run once, cached ones not at all.

        Args:
            on_verdict: called with position and verdict as each one is decided.

        Returns:
            One verdict per program, in their order.

        Raises:
            ExecutionError: a language, judge or profile this engine does not know, or a compiler or environment that
                is not installed or does not work; nothing has run then.
        """
        for program in programs:
            _check(program)
        for name in sorted({program.environment for program in programs if program.environment}):
            if name not in self._environments:
                folder = self._environments_folder or environments.default_folder()
                self._environments[name] = environments.find(name, folder)
        for language in {program.language for program in programs}:
            lacking = languages.missing(language)
            if lacking is not None:
                raise ExecutionError(f"{lacking} Nothing was executed.")
        if os.getpid() != self._owner:
            # A forked copy must not talk to the workers of the process it came from.
            self._workshop = Workshop(self._artifacts)
            (self._pool, self._turn), self._owner = self._new_pool(), os.getpid()
        places: dict[Program, list[int]] = {}
        for place, program in enumerate(programs):
            places.setdefault(program, []).append(place)
        verdicts: list[Verdict | None] = [None] * len(programs)
        bar = self._bar(len(programs))

        def decide(program: Program, verdict: Verdict) -> None:
            for place in places[program]:
                verdicts[place] = verdict
                if on_verdict is not None:
                    on_verdict(place, verdict)
            if bar is not None:
                bar.advance(verdict.status, len(places[program]))

        try:
            if places:
                with self._turn:
                    self._run_unique(list(places), decide)
        finally:
            if bar is not None:
                bar.close()
        return [verdict for verdict in verdicts if verdict is not None]

    def close(self) -> None:
        """End the workers; the next run starts new ones."""
        if os.getpid() == self._owner:
            self._pool.close()
            self._workshop.close()

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _new_pool(self) -> tuple[Pool, threading.Lock]:
        return Pool(self.workers, self._configure, self._share), threading.Lock()

    def _layers(self) -> tuple[str, ...]:
        return ("off",) if self.policy == "off" else probe().layers

    def _bar(self, total: int) -> Progress | None:
        if not self._progress or not total:
            return None
        return Progress(self._progress if isinstance(self._progress, str) else "programs", total)

    def _run_unique(self, programs: list[Program], decide: Callable[[Program, Verdict], None]) -> None:
        known: dict[str, Verdict] = {}
        keys: dict[Program, str] = {}
        if self._cache is not None:
            kinds = {(program.language, program.environment) for program in programs}
            runtimes = {kind: self._runtime(*kind) for kind in kinds}
            keys = {program: program.key(runtimes[program.language, program.environment]) for program in programs}
            known = self._cache.get_many(keys.values())
        unknown = []
        for program in programs:
            verdict = known.get(keys[program]) if keys else None
            if verdict is None:
                unknown.append(program)
            else:
                decide(program, verdict)
        if not unknown:
            return
        obstacle = self.obstacle()
        if obstacle is not None:
            for program in unknown:
                decide(program, Verdict(Status.HARNESS_ERROR, flags=(Flag.PENDING.value,), detail=obstacle))
            return
        for language in sorted({program.language for program in unknown}):
            self._workshop.prove(language, self._run_alone)
        unsaved: dict[str, Verdict] = {}
        saved_at = time.monotonic()

        def note(number: int, verdict: Verdict) -> None:
            nonlocal saved_at
            program = unknown[number]
            if self._cache is not None:
                unsaved[keys[program]] = verdict
                if time.monotonic() - saved_at > _SAVE_EVERY_SECONDS:
                    self._cache.put(unsaved)
                    unsaved.clear()
                    saved_at = time.monotonic()
            decide(program, verdict)

        try:
            self._pool.run([_placed(program) for program in unknown], note)
        finally:
            # An interrupted run resumes from here.
            if self._cache is not None:
                self._cache.put(unsaved)

    def _runtime(self, language: str, environment: str | None = None) -> str:
        compiler = languages.version(language)
        runtime = self.runtime if compiler is None else f"{self.runtime}/{compiler}"
        if environment is None:
            return runtime
        pinned = self._environments[environment]
        data = f"-{pinned.data}" if pinned.data else ""
        return f"{runtime}/{environment}-{pinned.python}-{pinned.sha256}{data}"

    def _run_alone(self, program: Program) -> Verdict:
        verdicts: list[Verdict] = []
        self._pool.run([program], lambda _, verdict: verdicts.append(verdict))
        return verdicts[0]

    def obstacle(self) -> str | None:
        """Why nothing may be executed here, with the remedies; None when it may."""
        if sys.platform != "linux":
            return f"Not executed: programs are executed on Linux only, this is {sys.platform}. {_REMEDY_MACHINE}"
        if self.policy == "off":
            return None
        report: SandboxReport = probe()
        if report.contained or (self.policy == "prefer" and report.usable):
            return None
        remedy = _REMEDY_MACHINE if self.policy == "prefer" else f"{_REMEDY_MACHINE[:-1]}, or set ITAX_SANDBOX=prefer."
        return f"Not executed: this machine does not contain programs; {report.summary()}. {remedy}"

    def _configure(self, profile: str, scratch_bytes: int) -> WorkerConfig:
        # Layers that failed half-way in the probe must not be tried again; the others are retried by each worker.
        skip = () if self.policy == "off" else tuple(sorted(probe().missing.items()))
        scratch_bytes = max(scratch_bytes, _SCRATCH_BYTES)
        layers = () if self.policy == "off" else self._layers()
        if profile in languages.PROCESSES:
            settings = self._workshop.settings(profile)
            return WorkerConfig(self.policy, profile, scratch_bytes, skip, layers=layers, **settings)
        environment = profile.partition("@")[2]
        interpreter = str(self._environments[environment].interpreter) if environment else ""
        proc = bool(environment)
        return WorkerConfig(
            self.policy, profile, scratch_bytes, skip, proc=proc, interpreter=interpreter, layers=layers
        )


_SCRATCH_BYTES = 256 * 1024 * 1024
_REMEDY_MACHINE = "Run `itax score` on a capable machine."


def _check(program: Program) -> None:
    for what, value, known in (
        ("language", program.language, _languages_of(program)),
        ("judge", program.judge.kind, judging.known_judges()),
        ("profile", program.profile, _profiles_of(program)),
    ):
        if value not in known:
            raise ExecutionError(
                f"LocalExecutor knows no {what} {value!r} (it knows: {', '.join(known)}). Nothing was executed; "
                "correct the program or update itax."
            )
    if program.environment and program.language in languages.PROCESSES:
        raise ExecutionError(
            f"Environments are Python's: a {program.language} program cannot run in {program.environment!r}. "
            "Nothing was executed; leave the environment out."
        )


def _placed(program: Program) -> Program:
    """The program as the pool sorts it: workers of one environment serve no other."""
    return replace(program, profile=f"{program.profile}@{program.environment}") if program.environment else program


def _languages_of(program: Program) -> tuple[str, ...]:
    return ("python", *languages.PROCESSES) if isinstance(program.judge, StdioJudge) else ("python",)


def _profiles_of(program: Program) -> tuple[str, ...]:
    if program.language in languages.PROCESSES:
        return (program.language,)
    return tuple(name for name in PROFILES if name not in languages.PROCESSES)
