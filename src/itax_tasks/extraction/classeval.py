"""What ClassEval's own runner, and the instruction-tuning-tax paper's artifact, make of an answer.

Sources: `classeval_evaluation/test_pipeline.py` of FudanSELab/ClassEval; `generate.py` and
`evaluate_classeval_completion.py` of arkosioscambions/CodeTalkers; both restated, oddities included.
"""

from __future__ import annotations

import ast
import re
import textwrap
import warnings

_ANSWER_MARKS = ("### Response:", "@@ Response:", "[/INST]")
_FENCES = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"```python(.*?)```",
        r"```ruby(.*?)```",
        r"```scss(.*?)```",
        r"```python()",  # never closed: the official pattern matches nothing behind it
        r"```(.*?)```",
        r"\[PYTHON\](.*?)\[/PYTHON\]",
    )
)


def classeval_class(completion: str) -> str:
    """The class as the official runner takes it from an answer, with `@staticmethod` put where it thinks it belongs.

    Odd, and kept: a fence that is never closed gives nothing; without fences, the lines above the class are removed by
    value, so equal lines within it go too; every `@staticmethod` is dropped and then given to each method whose `def`
    line holds neither "self" nor "cls".
    """
    text = completion.rstrip()
    for mark in _ANSWER_MARKS:
        if mark in text:
            text = text.split(mark)[1]
            break
    for fence in _FENCES:
        found = fence.search(text)
        if found is not None:
            return _static_methods(found.group(1))
    return _static_methods(_from_the_class_on(text))


def _from_the_class_on(text: str) -> str:
    lines = text.split("\n")
    above = set()
    for line in lines:
        if line.strip().startswith("class"):
            break
        if not line.strip().startswith(("import", "from")):
            above.add(line)
    lines = [line for line in lines if line not in above]
    margin = next((_indent(line) for line in lines if line.strip().startswith("class")), 0)
    if margin:
        # Less than nothing to indent by is nothing.
        lines = [" " * (_indent(line) - margin) + line.lstrip() for line in lines]
    return "\n".join(lines)


def _static_methods(code: str) -> str:
    made = []
    for line in (line for line in code.split("\n") if "@staticmethod" not in line):
        if line.strip().startswith("def ") and "self" not in line and "cls" not in line and _indent(line) == 4:
            made.append("    @staticmethod")
        made.append(line)
    return "\n".join(made)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


_CUTS = ("<|file_sep|>", "<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "```", "# Qwen")
_MAIN = re.compile(r"^\s*if __name__ == [\"']__main__[\"']:\s*(?:#.*)?$", re.MULTILINE)
_ENDS = ("def ", "class ", "@", "import ", "from ")
_BODY = 8
_LONGEST = 100_000
"""Longer answers are not parsed here: this runs in the process that holds the model."""


def classeval_paper(completion: str) -> str:
    """A method's body as the artifact cuts and indents it: stored by `generate.py`, cleaned by its evaluator.

    Stored: up to the first fence or file marker, both ends stripped. Cleaned: up to a main guard; without lines that
    hold `# END`; lines cut at `# NOTE:`; up to the first line that begins, after white space, with `def`, `class`, `@`,
    `import` or `from`; dedented, then every line with eight blanks or more moved eight to the left; all indentation
    taken away if that mends an indentation error; moved to the indentation of a body.
    """
    cuts = [at for mark in _CUTS if (at := completion.find(mark)) >= 0]
    text = (completion[: min(cuts)] if cuts else completion).strip()
    guard = _MAIN.search(text)
    kept = []
    for line in (text[: guard.start()] if guard else text).splitlines():
        if "# END" in line:
            continue
        if line.strip().startswith(_ENDS):
            break
        kept.append(line.split("# NOTE:")[0].rstrip())
    cleaned = "\n".join(kept).rstrip()
    if not cleaned.strip():
        return ""
    lines = textwrap.dedent(cleaned.replace("\t", "    ")).split("\n")
    moved = "\n".join(_moved_left(line) for line in lines).strip("\n")
    if not _indented_well(moved):
        flat = "\n".join(line.lstrip() for line in moved.split("\n"))
        moved = flat if _indented_well(flat) else moved
    return "\n".join(" " * _BODY + line.rstrip() if line.strip() else "" for line in moved.split("\n"))


def _moved_left(line: str) -> str:
    if not line.strip():
        return ""
    return line[_BODY:] if len(line) - len(line.lstrip(" ")) >= _BODY else line


def _indented_well(body: str) -> bool:
    """True unless the body of a function in this form is refused for its indentation; other errors do not count."""
    if len(body) > _LONGEST:
        return True
    wrapped = "def body():\n" + "\n".join("    " + line if line.strip() else "" for line in body.split("\n"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python thinks of a model's escape sequences
            ast.parse(wrapped)
    except IndentationError:
        return False
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return True
    return True
