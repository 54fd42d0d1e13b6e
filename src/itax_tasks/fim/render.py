"""A prefix and a suffix become the prompt a family was trained on: as text, and as token ids built piece by piece.

Covered: sentinels as single ids; code never read as a control token; CodeLlama's suffix without SentencePiece's
leading space; Codestral's prefix with it; the leading token of each family; CRLF and blanks kept in the ids.
Not covered: the text form where code itself holds a control token (`user_text_holds_sentinel` names it), and CRLF in
CodeLlama's text form, which its tokenizer breaks. Nothing is cut here: see `budget`.

Sources: `formats.toml`, line by line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from itax_metrics.errors import ConfigError

from .encoding import Tokenizer, encoder_for
from .layout import Layout, fill, split_template
from .registry import FimFormat

_LANGUAGES = {
    "python": "Python",
    "cpp": "C++",
    "java": "Java",
    "csharp": "C#",
    "javascript": "JavaScript",
    "typescript": "TypeScript",
    "go": "Go",
    "rust": "Rust",
}
_EXTENSIONS = {
    ".py": "python",
    ".cpp": "cpp",
    ".cc": "cpp",
    ".java": "java",
    ".cs": "csharp",
    ".js": "javascript",
    ".ts": "typescript",
    ".go": "go",
    ".rs": "rust",
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A prompt."""

    text: str
    """What a string backend is sent; holds no leading token unless the family writes it out."""
    ids: list[int] | None
    """What an ids backend is sent, leading token included; None without a tokenizer."""
    order: str


def render(
    fmt: FimFormat,
    prefix: str,
    suffix: str,
    *,
    tokenizer: Tokenizer | None = None,
    order: str | None = None,
    path: str = "",
    language: str = "",
) -> Rendered:
    """The prompt of one document.

    Args:
        fmt: a format of the registry.
        prefix: code before the hole.
        suffix: code after it.
        tokenizer: given, ids are built too.
        order: one of `fmt.orders`; None for the family's own.
        path: the file's name, for families that show it.
        language: `python`, `cpp`, ...; guessed from the path when empty.

    Raises:
        ConfigError: no usable format, an unknown order, or a sentinel this tokenizer does not have.
    """
    name = chosen_order(fmt, order, path)
    fields = _fields(path, language)
    text = fill(fmt.text_template(name), {**fields, "P": prefix, "S": suffix})
    ids = None
    if tokenizer is not None:
        ids = layout(fmt, tokenizer, order=name, path=path, language=language).ids(prefix, suffix)
    return Rendered(text, ids, name)


def render_repo(
    fmt: FimFormat,
    others: Iterable[tuple[str, str]],
    prefix: str,
    suffix: str,
    *,
    path: str,
    repo: str = "repo",
    language: str = "",
    tokenizer: Tokenizer | None = None,
) -> Rendered:
    """The prompt of a document together with other files of its repository.

    Args:
        fmt: a format with a repository-level template.
        others: (path, code) of the other files, in the order they are shown.
        prefix: code before the hole.
        suffix: code after it.
        path: the name of the file with the hole.
        repo: the repository's name.
        language: as in `render`.
        tokenizer: given, ids are built too.

    Raises:
        ConfigError: the family has no repository-level template.
    """
    if fmt.repo_template is None:
        raise ConfigError(
            f"FIM family {fmt.id!r} has no repository-level prompt that a source documents. Render the file alone, or "
            "put the other files into the prefix yourself."
        )
    fields = {**_fields(path, language), "repo": repo}
    shown: dict[str, str] = {}
    template = fmt.repo_template
    units = []
    for number, (other, code) in enumerate(others):
        units.append(fmt.repo_file.replace("{path}", f"{{path{number}}}").replace("{code}", f"{{code{number}}}"))
        shown |= {f"path{number}": other, f"code{number}": code}
    template = template.replace("{files}", "".join(units))
    everything = {**fields, **shown}
    text = fill(template, {**everything, "P": prefix, "S": suffix})
    ids = None
    if tokenizer is not None:
        parts = split_template(template, fmt.control_tokens)
        ids = Layout(fmt, encoder_for(tokenizer), parts, everything).ids(prefix, suffix)
    return Rendered(text, ids, fmt.order)


def user_text_holds_sentinel(fmt: FimFormat, text: str) -> tuple[str, ...]:
    """The control tokens of a family that stand in somebody's code, in the order of the registry."""
    surfaces = dict.fromkeys(token.strip("▁ ") for token in (*fmt.control_tokens, *fmt.stops))
    return tuple(token for token in surfaces if token and token in text)


def chosen_order(fmt: FimFormat, order: str | None, path: str) -> str:
    """The order a document is rendered in: the one asked for, else the family's own."""
    if order is None and not path and fmt.pathless_order is not None:
        return fmt.pathless_order
    return order or fmt.order


def layout(
    fmt: FimFormat, tokenizer: Tokenizer, *, order: str | None = None, path: str = "", language: str = ""
) -> Layout:
    """The shape of a family's prompt on one tokenizer."""
    template = fmt.id_template(chosen_order(fmt, order, path))
    parts = split_template(template, fmt.control_tokens)
    return Layout(fmt, encoder_for(tokenizer), parts, _fields(path, language))


def _fields(path: str, language: str) -> dict[str, str]:
    known = language or _EXTENSIONS.get(PurePosixPath(path).suffix, "")
    shown = _LANGUAGES.get(known.lower(), known)
    return {"path": path, "language": shown, "header": _header(path, shown)}


def _header(path: str, language: str) -> str:
    """aiXcoder's two comment lines, in the comment style of the language."""
    mark = "#" if language in ("Python", "") else "//"
    lines = [f"{mark} the file path is: {path}\n"] if path else []
    if language:
        lines.append(f"{mark} the code file is written by {language}\n")
    return "".join(lines)
