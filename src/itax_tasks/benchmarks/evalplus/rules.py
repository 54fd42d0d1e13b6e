"""How EvalPlus decides whether a result is right, and how long a call may take: today's rules and those of 2023.

Sources, restated: `evalplus/eval/__init__.py`, `evalplus/eval/_special_oracle.py` and `evalplus/config.py` of
evalplus/evalplus at 26d6d00 (HEAD) and at 1895d2f6 (30 November 2023, the commit pinned by the artifact of the
instruction-tuning-tax paper).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from itax_metrics.execution.calls import Comparison


@dataclass(frozen=True, slots=True)
class Rules:
    """One state of EvalPlus's rules."""

    protocol: str
    """How results name them."""
    shortest_seconds: float
    """The least wall time a call is given (`min_time_limit`)."""
    whole_seconds: float | None
    """The most that the calls are given together; None: the sum of their limits, however long."""
    comparison: Comparison
    """How results are compared where nothing else is said."""
    special: Mapping[str, Comparison]
    """Function under test -> how its results are compared instead."""
    accepted: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    """Function under test -> what gives a further right result from the same arguments."""

    def limit(self, reference_seconds: float) -> float:
        """Wall seconds for one call whose reference took that long."""
        return max(self.shortest_seconds, FACTOR * reference_seconds)

    def whole(self, limits: float) -> float:
        """Wall seconds for the whole program, from the sum of the limits of its calls."""
        capped = limits if self.whole_seconds is None else min(self.whole_seconds, limits)
        return capped + SPARE_SECONDS


FACTOR = 4.0
"""A call is given this many times what the reference took (`gt_time_limit_factor`)."""
SPARE_SECONDS = 2.0
"""Beside the calls: one second for the program, and one more until the official evaluator stops waiting for it."""

PRESENCE_ONLY = ("check_str", "text_match_three", "text_starta_endb")
"""Mbpp/737, 787 and 794, whose results are regular expression matches: only whether there is one counts."""
AS_SETS = (
    "similar_elements",
    "find_char_long",
    "common_in_nested_lists",
    "extract_singly",
    "larg_nnum",
    "intersection_array",
    "find_dissimilar",
    "Diff",
)
"""Mbpp/2, 7, 111, 140, 232, 249, 579 and 769: results are compared as sets."""


def pyramid_surface(base_edge: float, height: float) -> int:
    """Mbpp/581, with `height` read as that of the apex over the base."""
    slant = math.sqrt((base_edge / 2) ** 2 + height**2)
    return round(base_edge**2 + 4 * (base_edge * slant) / 2)


def digit_distance(first: int, second: int) -> int:
    """Mbpp/558, with the shorter number filled up with zeros from the left."""
    digits = zip_longest(reversed(str(first)), reversed(str(second)), fillvalue="0")
    return sum(abs(int(one) - int(other)) for one, other in digits)


def zero(*arguments: Any) -> int:
    """Mbpp/295: 0 is always right as well."""
    del arguments
    return 0


TODAY = Rules(
    protocol="evalplus",
    shortest_seconds=4.0,
    whole_seconds=60.0,
    comparison="close",
    special={
        "find_zero": "polynomial",
        "are_equivalent": "always",
        **dict.fromkeys(PRESENCE_ONLY, "not_none"),
        **dict.fromkeys(AS_SETS, "set"),
    },
    accepted={"sum_div": zero, "surface_Area": pyramid_surface, "digit_distance_nums": digit_distance},
)
"""EvalPlus at HEAD."""

PINNED = Rules(
    protocol="paper",
    shortest_seconds=0.2,
    whole_seconds=None,
    comparison="allclose",
    special={"find_zero": "never", "are_equivalent": "always", **dict.fromkeys(PRESENCE_ONLY, "present")},
    accepted={"sum_div": zero},
)
"""EvalPlus as pinned in 2023. HumanEval/32 cannot be passed: its rule is called with swapped arguments and raises."""
