"""The supervisor: hands programs to workers, watches the clock, replaces what dies, loses no verdict.

Covered: a worker that dies or hangs is replaced; the program it was running is tried once more, in a fresh worker and
compiled in its own process; a second loss is the program's doing and its verdict. No user code runs here.
No more workers are started than free memory has room for, and each keeps its room from then on; what running programs
use together is not watched.
"""

from __future__ import annotations

import logging
import selectors
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..records import Status, Verdict
from . import judging
from .programs import Program
from .room import fitting, unclaimed_bytes
from .worker import StartFailed, Worker, WorkerConfig

log = logging.getLogger("itax.execution")

GRACE_SECONDS = 10.0
"""How long after a program's wall time its worker may stay silent before it counts as hung."""
_DEPTH = 16
_STARTS = 3
_GOODBYE_SECONDS = 2.0
_LOOK_SECONDS = 1.0
"""How long what was found of free memory holds while no worker comes or goes."""

Report = Callable[[int, Verdict], None]


@dataclass(slots=True)
class _Job:
    number: int
    program: Program
    losses: int = 0
    """How many workers were lost, or failed, with this program."""
    careful: bool = False
    """A worker was lost that may have been compiling it: it is compiled in its own process from then on."""
    memory: dict[str, Any] = field(default_factory=dict)
    """What its judge keeps between the replies about the present run."""


class Pool:
    """Up to `size` workers, kept warm between runs.

    Args:
        size: workers at most.
        configure: how to start one for a profile, with so many bytes of scratch space.
        share: pools that share this machine's memory, this one included.
    """

    def __init__(self, size: int, configure: Callable[[str, int], WorkerConfig], share: int = 1) -> None:
        self.size = size
        self._share = share
        self._configure = configure
        self._workers: list[Worker] = []
        self._pending: dict[str, deque[_Job]] = {}
        self._retries: deque[_Job] = deque()
        """Programs that go to a fresh worker, alone."""
        self._left = 0
        self._scratch_bytes = 0
        self._judges: frozenset[str] = frozenset()
        """Kinds of all programs so far."""
        self._failed_starts: dict[str, list[str]] = {}
        """Reasons by profile, since the last worker of it that came up."""
        self._bounded = False
        self._unclaimed, self._looked = 0, -_LOOK_SECONDS
        """Memory for further workers, in bytes, and when it was found (monotonic)."""

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of the running workers."""
        return tuple(worker.pid for worker in self._workers)

    def run(self, programs: Sequence[Program], report: Report) -> None:
        """Execute every program and call `report(position, verdict)` once for each, as they are decided."""
        self._pending, self._retries, self._failed_starts = {}, deque(), {}
        for number, program in sorted(enumerate(programs), key=lambda numbered: not numbered[1].slow):
            self._pending.setdefault(program.profile, deque()).append(_Job(number, program))
        self._left = len(programs)
        self._scratch_bytes = max((program.limits.file_bytes for program in programs), default=0)
        self._judges |= {program.judge.kind for program in programs}
        try:
            while self._left:
                self._staff(report)
                for worker in self._workers:
                    self._feed(worker)
                self._listen(report)
        except BaseException:
            # Interrupted, or the caller's report raised: what still runs has nobody to report to.
            self.close()
            raise

    def close(self) -> None:
        """End every worker and what it runs."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.hang_up()
        for worker in workers:
            worker.kill(_GOODBYE_SECONDS)

    def _staff(self, report: Report) -> None:
        """Dismiss workers nobody needs any more and start those that the waiting programs call for, all at once."""
        idle = [worker for worker in self._workers if not worker.waiting]
        if self._retries or any(self._pending.values()):
            for worker in [worker for worker in idle if not self._fits(worker)]:
                idle.remove(worker)
                self._dismiss(worker)
        self._give_up(report)
        retries = [job.program.profile for job in self._retries if self._may_start(job.program.profile)]
        queued = sum(len(queue) for profile, queue in self._pending.items() if self._may_start(profile))
        wanted = len(retries) + max(0, queued - len(idle))
        profiles = self._startable(retries, wanted)
        if retries and not profiles and idle:
            self._dismiss(idle.pop())
            profiles = self._startable(retries, wanted)
        if profiles:
            self._start(profiles)

    def _may_start(self, profile: str) -> bool:
        return len(self._failed_starts.get(profile, ())) < _STARTS

    def _give_up(self, report: Report) -> None:
        """Decide what no worker can be had for: its profile's starts failed, and none of it runs any more."""
        running = {worker.config.profile for worker in self._workers}
        for profile, reasons in self._failed_starts.items():
            if not self._may_start(profile) and profile not in running:
                self._abandon(profile, f"no worker could be started: {reasons[-1]}", report)

    def _startable(self, retries: Sequence[str], wanted: int) -> list[str]:
        """Profiles of the workers to start now: so many, those of retries first, as pool and free memory have room for.

        A pool without workers gets one in any case.
        """
        running = len(self._workers)
        count = min(wanted, self.size - running)
        if count <= 0:
            return []
        profiles = [*retries[:count], *self._next_profiles(count - len(retries))]
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            claims = [(worker.config.profile, worker.pid) for worker in self._workers]
            self._unclaimed, self._looked = unclaimed_bytes(claims, self._share), time.monotonic()
        count = fitting(profiles, self._unclaimed)
        if not running:
            count = max(1, count)
        if count < len(profiles) and not self._bounded:
            self._bounded = True
            log.warning(
                "itax: %d workers instead of %d: there is no memory for more of profile %s at the moment.",
                *(running + count, running + len(profiles), profiles[count]),
            )
        return profiles[:count]

    def _start(self, profiles: list[str]) -> None:
        self._looked = -_LOOK_SECONDS
        starting: list[Worker] = []
        profile = ""
        try:
            judges = tuple(sorted(self._judges))
            for profile in profiles:
                starting.append(Worker(replace(self._configure(profile, self._scratch_bytes), judges=judges)))
            while starting:
                worker = starting.pop(0)
                profile = worker.config.profile
                worker.wait_until_ready()
                self._failed_starts.pop(profile, None)
                self._workers.append(worker)
                self._retry_on(worker)
        except StartFailed as failure:
            self._failed_starts.setdefault(profile, []).append(str(failure))
        finally:
            for worker in starting:
                worker.kill()

    def _retry_on(self, worker: Worker) -> None:
        """Send it the first program of its profile that is to be tried once more."""
        job = next((job for job in self._retries if job.program.profile == worker.config.profile), None)
        if job is not None:
            self._retries.remove(job)
            self._send(worker, job)

    def _next_profiles(self, count: int) -> list[str]:
        """Profiles for so many more workers: those whose programs are slow first, then where most is left to do."""
        left = {profile: len(queue) for profile, queue in self._pending.items() if self._may_start(profile)}
        profiles = []
        for _ in range(count):
            profile = max(left, key=lambda each: (left[each] > 0 and self._slow_first(each), left[each]))
            left[profile] -= 1
            profiles.append(profile)
        return profiles

    def _slow_first(self, profile: str) -> bool:
        queue = self._pending[profile]
        return bool(queue) and queue[0].program.slow

    def _fits(self, worker: Worker) -> bool:
        config = worker.config
        able = config.scratch_bytes >= self._scratch_bytes and self._judges.issubset(config.judges)
        return able and (bool(self._pending.get(config.profile)) or self._must_retry(config.profile))

    def _must_retry(self, profile: str) -> bool:
        """No fresh worker is to be had for what is to be tried once more: an old one has to do."""
        return not self._may_start(profile) and any(job.program.profile == profile for job in self._retries)

    def _feed(self, worker: Worker) -> None:
        if not worker.waiting and self._must_retry(worker.config.profile):
            self._retry_on(worker)
        queue = self._pending.get(worker.config.profile)
        if not queue or any(job.losses or job.program.slow for job in worker.waiting):
            return
        # Few at a time near the end, so that no program waits behind a slow one while another worker is idle.
        depth = max(1, min(_DEPTH, len(queue) // (2 * self.size)))
        if len(worker.waiting) <= depth // 2:
            while queue and len(worker.waiting) < depth:
                if queue[0].program.slow and worker.waiting:
                    break
                job = queue.popleft()
                self._queue(worker, job)
                if job.program.slow:
                    break  # nothing waits behind it
            # All at once: the worker then reads, and compiles, all at once.
            worker.flush()

    def _send(self, worker: Worker, job: _Job) -> None:
        self._queue(worker, job)
        worker.flush()

    def _queue(self, worker: Worker, job: _Job) -> None:
        worker.waiting.append(job)
        if len(worker.waiting) == 1:
            self._set_deadline(worker)
        worker.queue(judging.request(job.program, compile_in_fork=job.careful or job.losses > 0))

    def _set_deadline(self, worker: Worker) -> None:
        first: _Job = worker.waiting[0]
        worker.deadline = time.monotonic() + judging.longest_seconds(first.program) + GRACE_SECONDS

    def _listen(self, report: Report) -> None:
        busy = [worker for worker in self._workers if worker.waiting]
        if not busy:
            return
        with selectors.PollSelector() as selector:
            for worker in busy:
                events = selectors.EVENT_READ | (selectors.EVENT_WRITE if worker.wants_to_write else 0)
                selector.register(worker.connection, events, worker)
            ready = selector.select(max(0.0, min(worker.deadline for worker in busy) - time.monotonic()))
        for key, events in ready:
            if events & selectors.EVENT_WRITE:
                key.data.flush()
            if events & selectors.EVENT_READ:
                self._take(key.data, report)
        now = time.monotonic()
        for worker in busy:
            if worker.waiting and worker.deadline < now:
                self._lose(worker, Verdict(Status.ERROR, detail="hung the worker that ran it, twice"), report)

    def _take(self, worker: Worker, report: Report) -> None:
        replies = worker.receive()
        if replies is None:
            self._lose(worker, Verdict(Status.ERROR, detail="killed the worker that ran it, twice"), report)
            return
        for reply in replies:
            first: _Job = worker.waiting[0]
            if "partial" in reply:
                word = judging.follow(first.program, first.memory, reply)
                if word is not None:
                    worker.send(word)
                continue
            verdict = judging.verdict(first.program, {**reply, "memory": first.memory})
            if not verdict.decided:
                self._lose(worker, verdict, report)
                return
            job: _Job = worker.waiting.popleft()
            if worker.waiting:
                self._set_deadline(worker)
            self._decide(job, verdict, report)

    def _lose(self, worker: Worker, second: Verdict, report: Report) -> None:
        """Give a worker up. Its first program is suspected: tried once more, then decided as `second`.

        The programs behind it go back to the queue.
        """
        suspect, *others = list(worker.waiting) or [None]
        self._dismiss(worker)
        for job in reversed(others):
            job.careful = True
            self._pending.setdefault(job.program.profile, deque()).appendleft(job)
        if suspect is None:
            return
        suspect.losses += 1
        suspect.memory = {}
        if suspect.losses < 2:
            self._retries.append(suspect)
        else:
            self._decide(suspect, second, report)

    def _dismiss(self, worker: Worker) -> None:
        worker.waiting.clear()
        if worker in self._workers:
            self._workers.remove(worker)
        worker.kill()
        self._looked = -_LOOK_SECONDS

    def _decide(self, job: _Job, verdict: Verdict, report: Report) -> None:
        self._left -= 1
        report(job.number, verdict)

    def _abandon(self, profile: str, why: str, report: Report) -> None:
        jobs = [job for job in self._retries if job.program.profile == profile]
        for job in jobs:
            self._retries.remove(job)
        for job in [*jobs, *self._pending.pop(profile, ())]:
            self._decide(job, Verdict(Status.HARNESS_ERROR, detail=why), report)
