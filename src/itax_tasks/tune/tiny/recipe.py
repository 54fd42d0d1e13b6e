"""Every number of the training, in one place."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the pair is trained. The size of its tax follows from these numbers: replay and tuning length above all."""

    base_steps: int = 1500
    base_tokens: int = 1536
    """Tokens of one pretraining step."""
    warm_up: int = 40
    decay: float = 0.6
    """Share of pretraining over which the learning rate falls to zero."""
    muon_rate: float = 0.02
    adam_rate: float = 0.004
    stage_steps: tuple[int, int] = (400, 400)
    tune_tokens: int = 2048
    tune_rate: float = 1e-3
    tune_decay: float = 0.5
    replay: float = 0.05
    """Share of pretraining documents in both stages."""
    replay_fim: tuple[float, float] = (0.2, 0.1)
    """Share of the replayed documents that have a hole, by stage: instruction data hold some plain code, hardly any
    holes. With 0.2 in both stages one seed of two kept its infilling."""

    def record(self, *, base_only: bool = False) -> dict[str, Any]:
        """The numbers as JSON keeps them; those of tuning left out where they concern the base model alone."""
        fields = {**asdict(self), "stage_steps": list(self.stage_steps), "replay_fim": list(self.replay_fim)}
        tuning = ("stage_steps", "tune_tokens", "tune_rate", "tune_decay", "replay", "replay_fim")
        return {name: value for name, value in fields.items() if not (base_only and name in tuning)}

    def scaled(self, factor: float) -> Recipe:
        """The same recipe with every stage shortened by a factor, for trying it out."""
        first, second = (max(1, round(steps * factor)) for steps in self.stage_steps)
        return replace(self, base_steps=max(1, round(self.base_steps * factor)), stage_steps=(first, second))


SHIPPED = Recipe()
NO_REPLAY = replace(SHIPPED, replay=0.0)
CHECKPOINT_SHARES = ((0.05, 0.10, 0.20, 0.40, 0.60, 0.80, 1.00), (0.20, 0.40, 0.60, 0.80, 1.00))
"""Where the series keeps checkpoints, as shares of stage 1 and of stage 2: twelve in all, as in the study."""
