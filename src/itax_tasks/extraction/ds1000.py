"""The clean-up of DS-1000's official runner."""

from __future__ import annotations


def ds1000_official(completion: str) -> str:
    """The five official steps in their order; nothing is stripped, so the indentation of function bodies survives.

    Text before `</code>`; every ```python removed; text before the next fence; text before a line END SOLUTION; every
    `<code>` removed. Prose before a fence therefore stays in and breaks the program: that is the official rule.
    Source: `run_inference.py` and `test_ds1000.py` of xlang-ai/DS-1000, restated.
    """
    text = completion.split("</code>")[0]
    text = text.replace("```python", "")
    text = text.split("```")[0]
    text = text.split("\nEND SOLUTION")[0]
    return text.replace("<code>", "")
