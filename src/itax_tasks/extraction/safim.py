"""SAFIM's post-processing: the rule of each subset under one name, as its documented commands apply them.

The subset, the language and the code around the hole stand in the item's payload.
"""

from __future__ import annotations

from itax_metrics.records import Item
from itax_tasks.extraction.safim_answers import before_next_example, chosen_code
from itax_tasks.extraction.safim_blocks import until_block, until_block_fixed, until_parsable
from itax_tasks.extraction.safim_calls import api_call, api_call_fixed, control, control_fixed


def safim(item: Item, completion: str) -> str:
    """The official rule of the item's subset: API call, block or control expression."""
    subset = item.payload["subset"]
    if subset == "api":
        return api_call(completion)
    if subset == "control":
        return control(item.language, completion)
    return until_block(item.language, item.payload["before"], item.payload["after"], completion)


def safim_fixed(item: Item, completion: str) -> str:
    """The same rules with what costs published answers mended."""
    subset = item.payload["subset"]
    if subset == "api":
        return api_call_fixed(item.language, completion)
    if subset == "control":
        return control_fixed(item.language, completion)
    return until_block_fixed(item.language, item.payload["before"], item.payload["after"], completion)


def safim_parsable(item: Item, completion: str) -> str:
    """Last lines dropped until the file parses; offered by the original, in none of its documented commands."""
    return until_parsable(item.language, item.payload["before"], item.payload["after"], completion)


def safim_code(item: Item, completion: str) -> str:
    """The piece of a chat answer that is code, and of it what came before a next example where one was shown."""
    example = item.payload.get("example")
    found = chosen_code(item.language, completion, example or "")
    return found if example is None else before_next_example(found)


def safim_instructed(item: Item, completion: str) -> str:
    """`safim_code`, then the rule of the subset."""
    return safim(item, safim_code(item, completion))


def safim_instructed_fixed(item: Item, completion: str) -> str:
    """`safim_code`, then the mended rule of the subset."""
    return safim_fixed(item, safim_code(item, completion))
