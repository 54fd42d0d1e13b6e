"""Fill-in-the-middle prompts: which format a model was trained on, and how its prompt is built, token by token."""

from __future__ import annotations

from .budget import Budgeted, budget
from .detect import Detection, detect
from .registry import FimFormat, fim_format, load_formats
from .render import Rendered, render, render_repo, user_text_holds_sentinel
from .resolve import Resolved, resolve

__all__ = [
    "Budgeted",
    "Detection",
    "FimFormat",
    "Rendered",
    "Resolved",
    "budget",
    "detect",
    "fim_format",
    "load_formats",
    "render",
    "render_repo",
    "resolve",
    "user_text_holds_sentinel",
]
