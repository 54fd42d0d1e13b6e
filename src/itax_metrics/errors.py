"""The error family: every message says what happened, on which item or file, and what to do."""

from __future__ import annotations


class ItaxError(Exception):
    """Anything itax refuses to do; the message is meant for the person who typed the command."""


class ConfigError(ItaxError):
    """A setting, option or combination of options that cannot be honoured."""


class DataError(ItaxError):
    """Benchmark rows or stored answers that are missing, unreadable or not what they claim to be."""


class ExecutionError(ItaxError):
    """The engine itself cannot run programs (a broken program is a verdict, never this)."""


class PairingError(ItaxError):
    """Two runs that cannot be compared item by item."""


class MissingExtraError(ItaxError):
    """An optional dependency is needed; the message names the extra that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional dependency. Install it with: pip install 'itax-tasks[{extra}]'")
        self.extra = extra
