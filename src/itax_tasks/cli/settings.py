"""What every verb shares: both spellings of help, whichever way the verb is reached, and options that hold JSON."""

from __future__ import annotations

import json
from typing import Any

from itax_metrics.errors import ConfigError

HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
"""Context settings of a command. Click keeps the help option a command was first asked with, so each verb states it."""


def json_object(text: str, option: str, *, example: str) -> dict[str, Any]:
    """Read the value of an option that must be a JSON object.

    Args:
        text: as typed.
        option: its name, for the message.
        example: a value that would do, for the message.

    Raises:
        ConfigError: not JSON, or JSON of another kind.
    """
    remedy = f"Write a JSON object with double quotes, in single quotes for the shell: {option} '{example}'."
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        why = f"{error.msg}, column {error.colno}"
        raise ConfigError(f"{option} is {text!r}, which is no JSON ({why}). {remedy}") from None
    except RecursionError:
        raise ConfigError(f"{option} is nested too deeply. {remedy}") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{option} is {text!r}, which is JSON but no object. {remedy}")
    return found
