"""One answer as it is stored and scored, whoever generated it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Stage = Literal["completion", "program-raw", "program"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One stored answer to one item."""

    task_id: str
    sample: int
    text: str
    stage: Stage = "completion"
    """completion: extraction applies; program: a finished program, extraction is skipped."""
    flags: tuple[str, ...] = ()
    """Flags known before execution, such as `truncated_prompt`."""
    generation: Mapping[str, Any] | None = None
    """How it was made, where the backend says: tokens, finish, ended_by, seconds, leaks."""
    tokens: int | None = None
    """Length by the model's own tokenizer, counted afterwards where the backend does not say."""

    @property
    def spent(self) -> int | None:
        """Tokens the answer took: what the backend said, else what was counted."""
        said = (self.generation or {}).get("tokens")
        return said if isinstance(said, int) else self.tokens
