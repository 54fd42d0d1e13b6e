"""Synthetic conversations for the two stages of instruction tuning, in ChatML.

Stage 1 answers briefly: code in a fence, explanations, questions about one operation. Stage 2 answers at
length: a sentence, documented code in a fence, an example. In both some requests ask for code only, and get it
without a fence. Both mix in a little pretraining text ("replay").
"""

from __future__ import annotations

from itax_tasks.tune.tiny.checks import inputs_for
from itax_tasks.tune.tiny.documents import Example, document
from itax_tasks.tune.tiny.draws import Draws
from itax_tasks.tune.tiny.operations import STEPS
from itax_tasks.tune.tiny.programs import FAMILIES, Program, training_program

REQUESTS = (
    "Write a Python function {call} to {request}.",
    "Implement {call} to {request}.",
    "Please write {call} in Python to {request}.",
    "I need a function {call} to {request}.",
)
INTRODUCTIONS = (
    "Here is the function. It will {request}.",
    "Sure! This function will {request}.",
    "The function below will {request}.",
)
CODE_ONLY = " Reply with code only."
CODE_ONLY_SHARE = 0.25
"""Requests that end so; the answer is the bare function."""
STAGE_1 = (("write", 0.65), ("explain", 0.20), ("question", 0.15))


def ask(program: Program, draws: Draws) -> str:
    """A request for the program, in one of four wordings."""
    return draws.pick(REQUESTS).format(call=program.call, request=program.request)


def stage_1(draws: Draws, replay: float, replay_fim: float = 0.5) -> Example:
    """One example of the first stage.

    Args:
        draws: the stream of choices.
        replay: share of pretraining documents.
        replay_fim: share of these that have a hole.
    """
    if draws.chance(replay):
        return document(draws, replay_fim)
    kind = draws.weighted(STAGE_1)
    if kind == "question":
        return _question(draws)
    program = training_program(draws)
    if kind == "explain":
        shown = f"Explain this function:\n{_fenced(program.source(docstring=False))}"
        steps = "".join(f"{number}. {clause}\n" for number, clause in enumerate(program.clauses, 1))
        return _turn(shown, f"The steps of {program.call} are:\n{steps}")
    source = program.source(docstring=draws.chance(0.5))
    if draws.chance(CODE_ONLY_SHARE):
        return _turn(ask(program, draws) + CODE_ONLY, source)
    return _turn(ask(program, draws), _fenced(source))


def stage_2(draws: Draws, replay: float, replay_fim: float = 0.5) -> Example:
    """One example of the second stage; arguments as in `stage_1`."""
    if draws.chance(replay):
        return document(draws, replay_fim)
    program = training_program(draws)
    if draws.chance(CODE_ONLY_SHARE):
        return _turn(ask(program, draws) + CODE_ONLY, program.source())
    given = inputs_for(program.family, draws)[1]
    introduction = draws.pick(INTRODUCTIONS).format(request=program.request)
    example = f"You can call it like this:\n\n{_fenced(f'print({program.name}({given!r}))' + chr(10))}"
    return _turn(ask(program, draws), f"{introduction}\n\n{_fenced(program.source())}\n{example}")


def _question(draws: Draws) -> Example:
    step = draws.pick(STEPS[draws.weighted(FAMILIES)])
    k, (a, b) = draws.between(2, 9), draws.shuffled("aeiostr")[:2]
    words = step.words.format(k=k, a=a, b=b)
    code = step.code.format(v="x" if "x" not in step.code else "items", k=k, a=a, b=b)
    if draws.chance(0.5):
        return _turn(f"How do I {words} in Python?", f"Use `{code}`.")
    return _turn(f"What does `{code}` do?", f"It will {words}.")


def _fenced(code: str) -> str:
    return f"```python\n{code}```\n"


def _turn(user: str, assistant: str) -> Example:
    prompt = f"<|im_start|>user\n{user}<|im_end|>\n<|im_start|>assistant\n"
    return Example(((prompt, 0.0), (f"{assistant.rstrip()}<|im_end|>", 1.0)))
