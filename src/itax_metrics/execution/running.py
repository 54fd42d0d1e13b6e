"""A program's process while it runs, whoever forked it: what to poll, whether it has ended, and its end.

Covered: a copy of the template and a process that the worker forked itself look alike to those that watch them.
Not covered: limits and channels; they are the watcher's.
"""

from __future__ import annotations

import os
import select
from typing import Literal, Protocol

from .processes import Processes
from .template import Template

State = Literal["running", "ended", "too large"]


class Running(Protocol):
    """One process of a program."""

    must_be_asked: bool
    """Whether nothing that can be polled tells of its end."""

    @property
    def has_begun(self) -> bool:
        """Whether there is a process yet that could be ended."""
        ...

    def register(self, poll: select.poll) -> None:
        """Add what tells of its end."""
        ...

    def state(self, happened: list[int], poll: select.poll) -> State:
        """What it means for the process that these descriptors of `poll` can be read."""
        ...

    def uses_too_much(self, memory_bytes: int) -> bool:
        """Whether it and its descendants hold more memory than they may."""
        ...

    def end(self) -> int:
        """Kill what still runs of it; its exit code."""
        ...


class Forked:
    """A child of this process."""

    has_begun = True

    def __init__(self, processes: Processes, child: int) -> None:
        self._processes, self._child = processes, child
        try:
            self._ended = os.pidfd_open(child)
        except OSError:
            self._ended = -1
        self.must_be_asked = self._ended < 0
        """Before Linux 5.3."""

    def register(self, poll: select.poll) -> None:
        """Add the descriptor of the process."""
        if self._ended >= 0:
            poll.register(self._ended, select.POLLIN)

    def state(self, happened: list[int], poll: select.poll) -> State:
        """Whether it has ended."""
        del poll
        over = self._processes.is_over(self._child) if self.must_be_asked else self._ended in happened
        return "ended" if over else "running"

    def uses_too_much(self, memory_bytes: int) -> bool:
        """Whether it and its descendants hold more memory than they may."""
        return self._processes.uses_too_much(self._child, memory_bytes)

    def end(self) -> int:
        """Kill what still runs of it; its exit code."""
        self.forget()
        return self._processes.end(self._child)

    def forget(self) -> None:
        """Close the descriptor of the process."""
        if self._ended >= 0:
            os.close(self._ended)
            self._ended = -1


class Copied:
    """What the template was last ordered to start.

    Raises:
        Refused: by `state`, if the template cannot start processes; there is nothing to end then.
    """

    must_be_asked = False

    def __init__(self, processes: Processes, template: Template, memory_bytes: int) -> None:
        self._processes, self._template, self._memory_bytes = processes, template, memory_bytes
        self._told = False
        self._turned: Forked | None = None
        """It became another program (exec), which ends the template's wait for it."""

    @property
    def has_begun(self) -> bool:
        """Whether the template has come to it."""
        return self._template.child != 0

    def register(self, poll: select.poll) -> None:
        """Add what the template writes to, and the template."""
        for number in self._template.wait_on:
            poll.register(number, select.POLLIN)

    def state(self, happened: list[int], poll: select.poll) -> State:
        """Whether it has ended; without its template this process ends."""
        ended, life = self._template.wait_on
        if self._turned is not None:
            return self._turned.state(happened, poll)
        if ended in happened:
            self._template.hear()
            self._told = True
            if self._processes.is_over(self._template.child):
                return "ended"
            # On its last steps, or another program in the same process by now; either goes on without the template.
            poll.unregister(ended)
            poll.unregister(life)
            self._turned = Forked(self._processes, self._template.child)
            self._turned.register(poll)
        elif life in happened:
            if self.has_begun and self._processes.uses_too_much(self._template.child, self._memory_bytes):
                return "too large"
            # Pid 1 takes everything with it.
            os._exit(1)
        return "running"

    def uses_too_much(self, memory_bytes: int) -> bool:
        """Whether it and its descendants hold more memory than they may."""
        return self._processes.uses_too_much(self._template.child, memory_bytes)

    def end(self) -> int:
        """Kill what still runs of it; its exit code."""
        if self._turned is not None:
            self._turned.forget()
        return self._template.end(told=self._told)
