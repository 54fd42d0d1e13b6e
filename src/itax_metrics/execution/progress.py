"""A progress bar on stderr, only when asked for."""

from __future__ import annotations

import sys
from typing import Any


class Progress:
    """Counts decided programs: with tqdm where it is installed, else one line per tenth."""

    def __init__(self, label: str, total: int) -> None:
        self._label, self._total, self._done = label, total, 0
        self._bar: Any = None
        try:
            from tqdm import tqdm
        except ImportError:
            return
        self._bar = tqdm(total=total, desc=label, file=sys.stderr, unit="program", leave=True)

    def advance(self, count: int = 1) -> None:
        """`count` more programs are decided."""
        before, self._done = self._done, self._done + count
        if self._bar is not None:
            self._bar.update(count)
        elif self._total and before * 10 // self._total != self._done * 10 // self._total:
            print(f"{self._label}: {self._done}/{self._total}", file=sys.stderr)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
