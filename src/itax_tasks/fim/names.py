"""What a model's name says about FIM training: official families yes, known exceptions no, everything else unknown.

Official names are matched whole (`Qwen/Qwen2.5-Coder-7B-Instruct`), so that a fine-tune that merely keeps part of the
name stays unknown; the exceptions are searched anywhere in it. A folder of this machine has no name, except inside
the hub's own cache.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .registry import Trained, load_formats, registry_table

_CACHE_FOLDER = re.compile(r"(?:^|[\\/])models--([^\\/]+?)--([^\\/]+)(?:[\\/]|$)")
# The same weights in fewer bits.
_QUANTISED = re.compile(r"(-(awq|gptq(-int[48])?|gguf|fp8|int[48]|bnb-4bit))+$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NameVerdict:
    """What is known about a model from its name alone."""

    trained: Trained
    format_id: str | None
    why: str


def by_name(model: str) -> NameVerdict:
    """Judge a hub name or path.

    Args:
        model: `org/name`, a folder, or empty.
    """
    cached = _CACHE_FOLDER.search(model)
    name = f"{cached[1]}/{cached[2]}" if cached else model
    for row in registry_table("not_trained"):
        if re.search(row["name"], name, re.IGNORECASE):
            return NameVerdict("no", row.get("format"), f"{row['why']} ({row['source']})")
    plain = _QUANTISED.sub("", name)
    for fmt in load_formats().values():
        if any(re.fullmatch(pattern, plain, re.IGNORECASE) for pattern in fmt.official):
            return NameVerdict(fmt.trained, fmt.id, f"{plain} is an official {fmt.id} model ({fmt.sources[0]})")
    return NameVerdict("unknown", None, "the model's name is not one itax knows")
