"""Control tokens of a model that reached its answer as text."""

from __future__ import annotations

import re

from itax_metrics.behavior.reply import Reply

SENTINEL = re.compile(
    r"<[|\uff5c][^\s<>|\uff5c]{1,40}[|\uff5c]>"
    r"|<(?:fim|mask|file|repo|jupyter|commit|issue)[_-][a-z0-9_]{1,20}>"
    r"|<(?:PRE|SUF|MID|EOT|eom|eos|bos|pad|unk|end_of_turn|start_of_turn|empty_output|reponame|gh_stars)>"
    r"|(?<![\w.>])</?s>"
    r"|<\[(?:fim-[a-z]+|(?:begin|end)\u2581of\u2581sentence)\]>|<AIX-SPAN-[A-Z]+>"
    r"|\[/?INST\]|\[(?:PREFIX|SUFFIX|MIDDLE)\]"
)
"""The spellings of the families that itax knows. `<filename>` and other plain words in angle brackets are left out:
people write them."""


def sentinel_leak(reply: Reply) -> float:
    """1 where the answer holds a control token, such as `<|fim_pad|>`, `<fim_middle>` or `[/INST]`."""
    text = reply.text
    return float(("<" in text or "[" in text) and SENTINEL.search(text) is not None)
