"""What a model is shown: EvalPlus's own prompts, and Magicoder's for the paper's columns.

Sources: `evalplus/codegen.py` and `evalplus/provider/` of evalplus/evalplus at 26d6d00; `experiments/text2code.py` of
ise-uiuc/magicoder. The sentences are theirs.
"""

from __future__ import annotations

from itax_metrics.records import Item
from itax_tasks.spec import Dialogue

INSTRUCTION = (
    "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
)
RESPONSE = (
    "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:"
)

ENDS = ("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(")
"""Where an answer ends under `direct` and `prefill`; models behind an interface of messages end by themselves."""
ENDS_OF_CONTINUATION = {
    "humaneval": ("\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert "),
    "mbpp": ('\n"""', "\nassert"),
}
"""Where an answer ends as well if it goes on after the problem itself."""
END_OF_BLOCK = "\n```\n"

MAGICODER_END = "```"


def as_it_stands(item: Item) -> str:
    """The problem, and the newline after it."""
    return item.prefix.strip() + "\n"


def prefilled(item: Item) -> Dialogue:
    """The request, and an answer that has begun with its code block: what EvalPlus sends to local chat models."""
    return Dialogue((("user", f"{INSTRUCTION}\n```\n{item.prefix.strip()}\n```\n"),), f"{RESPONSE}\n```python\n")


def requested(item: Item) -> Dialogue:
    """The request alone: what EvalPlus sends to models behind an interface of messages."""
    return Dialogue((("user", f"{INSTRUCTION}\n```python\n{item.prefix.strip()}\n```"),))


def magicoder_humaneval(item: Item) -> Dialogue:
    """Magicoder's request; the answer has begun with the problem itself, and the model goes on inside the function."""
    problem = item.prefix.strip()
    return Dialogue(
        (("user", f"Write a solution to the following problem:\n```python\n{problem}\n```"),), f"```python\n{problem}"
    )


def magicoder_mbpp(item: Item) -> Dialogue:
    """Magicoder's request: the sentence of the problem, a full stop, and its assertion; the answer opens its block."""
    text = item.prefix
    inside = text[text.index('"""') + 3 : text.rindex('"""')]
    cut = inside.index("assert")
    sentence, assertion = inside[:cut].strip(), inside[cut:].strip()
    stop = "" if sentence.endswith(".") else "."
    return Dialogue(
        (
            (
                "user",
                f"{sentence}{stop} Your code should satisfy the following assertion:\n```python\n{assertion}\n```",
            ),
        ),
        "```python",
    )
