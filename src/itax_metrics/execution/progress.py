"""A progress bar on stderr, only when asked for."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Any

from ..records import Status

SHORT = {
    Status.PASSED: "pass",
    Status.FAILED: "fail",
    Status.COMPILE_ERROR: "compile",
    Status.ERROR: "error",
    Status.TIMEOUT: "time",
    Status.OUT_OF_MEMORY: "memory",
    Status.OUTPUT_LIMIT: "output",
    Status.EMPTY: "empty",
    Status.HARNESS_ERROR: "harness",
}
"""Verdicts as the bar calls them, in the order it shows them."""


class Progress:
    """Counts decided programs, by verdict and by time: with tqdm on a terminal, else one line per tenth."""

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._done = label, total, 0
        self._counts: Counter[Status] = Counter()
        self._began = time.monotonic()
        self._bar: Any = None
        if not sys.stderr.isatty():
            return
        try:
            from tqdm import tqdm
        except ImportError:
            return
        self._bar = tqdm(total=total, desc=label, file=sys.stderr, unit="program", leave=True)

    def advance(self, status: Status | None = None, count: int = 1) -> None:
        """`count` more programs are decided, with this verdict where there is one."""
        before, self._done = self._done, self._done + count
        if status is not None:
            self._counts[status] += count
        if self._bar is not None:
            self._bar.set_postfix_str(self._verdicts(), refresh=False)
            self._bar.update(count)
        elif self._total and before * 10 // self._total != self._done * 10 // self._total:
            rate = self._done / max(1e-3, time.monotonic() - self._began)
            shown = f"{self._label}: {self._done}/{self._total}, {rate:.1f} a second"
            print(", ".join(filter(None, (shown, self._verdicts()))), file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()

    def _verdicts(self) -> str:
        return ", ".join(f"{name} {self._counts[status]}" for status, name in SHORT.items() if self._counts[status])
