"""What every verb shares: both spellings of help, whichever way the verb is reached."""

from __future__ import annotations

from typing import Any

HELP: dict[str, Any] = {"help_option_names": ["-h", "--help"]}
"""Context settings of a command. Click keeps the help option a command was first asked with, so each verb states it."""
