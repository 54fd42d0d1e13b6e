"""The four failure categories of the instruction-tuning-tax paper (section 4.2, RQ2.1), by rules instead of by hand.

The first rule that holds decides; each names its evidence, so that a reader can disagree.

    not failed                  passed, or undecided                                      no category
    blank                       the answer is empty                                       functional mismatch
    control tokens              `sentinel_leak`                                           special tokens
    unparsable, and prose       the code under test is refused by its compiler, and the   irrelevant context
                                answer has a fence or a line of prose
    more than was asked for     it repeats what stands around the hole, declares more     extra code
                                than the truth, goes on behind the truth, or repeats
                                itself
    all else                    incomplete answers included                               functional mismatch

Covered: every answer with a verdict, in any language. Not covered: judgement. Two people read samples in `sheet.py`,
and `agreement.py` says how often these rules agree with them; the paper's own labels are not public.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from itax_metrics.behavior.declarations import declared
from itax_metrics.behavior.echo import echo_prefix, echo_suffix, whole_rewrite
from itax_metrics.behavior.fences import fence
from itax_metrics.behavior.prose import prose_share
from itax_metrics.behavior.reply import Reply
from itax_metrics.behavior.sentinels import sentinel_leak
from itax_metrics.behavior.splice import syntax_error
from itax_metrics.behavior.stopping import empty, hit_limit, repetition
from itax_metrics.records import Status


class Category(str, Enum):
    """The closed list, in the order of the paper's tables 5 and 6."""

    EXTRA_CODE = "extra_code"
    IRRELEVANT_CONTEXT = "irrelevant_context"
    SPECIAL_TOKENS = "special_tokens"
    FUNCTIONAL_MISMATCH = "functional_mismatch"

    def __str__(self) -> str:
        return self.value


TITLES = {
    Category.EXTRA_CODE: "Introduction of Extra/Redundant Codes",
    Category.IRRELEVANT_CONTEXT: "Introduction of Irrelevant Contexts",
    Category.SPECIAL_TOKENS: "Mishandling of Special Tokens",
    Category.FUNCTIONAL_MISMATCH: "Functional Mismatch",
}
"""The paper's names."""

MANY_REPEATS = 0.5
"""Share of lines that repeat an earlier one, from which on an answer repeats itself (six lines at least)."""
LONG = 2.0
"""Times the truth's lines, and two more, from which on an infilling goes on behind its hole."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The category of one failed answer, with its evidence."""

    category: Category
    reason: str


def categorize(reply: Reply) -> Finding | None:
    """The category of a failed answer; None for one that passed, or that nothing decided."""
    if reply.passed is not False or reply.status in (None, Status.HARNESS_ERROR):
        return None
    if empty(reply):
        return Finding(Category.FUNCTIONAL_MISMATCH, "blank")
    if sentinel_leak(reply):
        return Finding(Category.SPECIAL_TOKENS, "control tokens in the answer")
    reads = "a Markdown fence" if fence(reply) else "lines of prose" if prose_share(reply) else ""
    if reads and _unparsable(reply):
        return Finding(Category.IRRELEVANT_CONTEXT, f"{reads}, and the code does not parse")
    for evidence, holds in EXTRA:
        if holds(reply):
            return Finding(Category.EXTRA_CODE, evidence)
    if hit_limit(reply):
        return Finding(Category.FUNCTIONAL_MISMATCH, "incomplete: it used all its tokens")
    return Finding(Category.FUNCTIONAL_MISMATCH, str(reply.status))


def _unparsable(reply: Reply) -> bool:
    if reply.status is Status.COMPILE_ERROR:
        return True
    # Where nothing was compiled (a comparison of texts), Python's parser is asked.
    unseen = reply.status in (Status.FAILED, Status.EMPTY)
    python = reply.item is not None and reply.item.language == "python" and reply.splice is not None
    return unseen and python and syntax_error(reply.code or "") is not None


def _declares_more(reply: Reply) -> bool:
    item, processed = reply.item, reply.processed
    if item is None or processed is None:
        return False
    # An answer that is the whole program has one declaration that was asked for.
    alone = reply.code is not None and reply.code.strip() == processed.text.strip()
    return declared(processed.text) > max(declared(item.truth), int(alone))


def _goes_on(reply: Reply) -> bool:
    """The truth and then more; or, in a hole, far more lines than the truth has."""
    item = reply.item
    if item is None or not item.truth.strip() or not item.suffix.strip():
        return False
    truth = tuple(line for line in map(str.strip, item.truth.split("\n")) if line)
    lines = reply.lines
    return (len(lines) > len(truth) and lines[: len(truth)] == truth) or len(lines) > LONG * len(truth) + 2


def _repeats(reply: Reply) -> bool:
    return len(reply.lines) >= 6 and repetition(reply) >= MANY_REPEATS


EXTRA: tuple[tuple[str, Callable[[Reply], object]], ...] = (
    ("it writes the enclosing function again", whole_rewrite),
    ("it repeats the text before the hole", echo_prefix),
    ("it runs on into the text behind the hole", echo_suffix),
    ("it declares more than the truth", _declares_more),
    ("it goes on behind the hole", _goes_on),
    ("it repeats itself", _repeats),
)
"""Evidence of extra code, in the order it is looked for."""
