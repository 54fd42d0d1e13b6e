"""`itax fim`: which fill-in-the-middle format a model uses, and what its prompt looks like, as text and as ids."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import click

from itax_metrics.errors import ConfigError
from itax_tasks.cli.fim_probe import probe_model
from itax_tasks.cli.settings import HELP
from itax_tasks.cli.tokenizers import load_tokenizer
from itax_tasks.fim import (
    FimFormat,
    Rendered,
    detect,
    fim_format,
    load_formats,
    render,
    render_repo,
    resolve,
    user_text_holds_sentinel,
)


@click.group(context_settings=HELP)
def fim() -> None:
    """Fill-in-the-middle formats: what is known, what a model carries, what a prompt looks like.

    \b
    Every family itax knows:      itax fim list
    The family of a model:        itax fim detect Qwen/Qwen2.5-Coder-7B
    A prompt, as it is sent:      itax fim render starcoder2 --prefix 'x = ' --suffix ' + 1'
    Was it trained on it?         itax fim probe Qwen/Qwen2.5-Coder-7B
    The same as token ids:        itax fim render --model MODEL --prefix 'x = ' --suffix ' + 1' --ids
    """


fim.add_command(probe_model)


@fim.command("list")
@click.option("--json", "as_json", is_flag=True, help="Every field of every family, templates and sources included.")
def list_formats(as_json: bool) -> None:
    """Show every FIM family itax knows.

    \b
    ID       what --metadata '{"fim":"ID"}' takes
    TRAINED  whether the official models were trained on it
    ORDERS   what --order takes, the default first
    SENT AS  text, or ids where no string gives the right tokens
    STATUS   V: read in the vendor's own document or code; V2: only in a third party's
    """
    formats = load_formats().values()
    if as_json:
        _print_json([_row(fmt) for fmt in formats])
        return
    header = ("ID", "TRAINED", "ORDERS", "SENT AS", "CONTEXT", "STATUS")
    _print_table([header, *(_columns(fmt) for fmt in formats)])


@fim.command("detect")
@click.argument("model")
@click.option("--revision", help="Branch, tag or commit of the model on the hub.")
@click.option("--trust-remote-code", is_flag=True, help="Let the model's repository run its own tokenizer code.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def detect_model(model: str, revision: str | None, trust_remote_code: bool, as_json: bool) -> None:
    """Say which FIM family the tokenizer of MODEL carries, and whether the model is known to be trained on it.

    MODEL is a hub name or a folder; only the tokenizer is loaded. Tokens in a vocabulary do not show training, so the
    answer is `unknown` unless the model's name is one a source speaks about.

    \b
    itax fim detect bigcode/starcoder2-3b
    itax fim detect ./my-finetune --json
    """
    tokenizer = load_tokenizer(model, revision, trust_remote_code)
    found = detect(tokenizer, model)
    if as_json:
        answer = {"model": model, "format": found.format.id if found.format else None, "trained": found.trained}
        _print_json({**answer, "why": found.why, "candidates": list(found.candidates)})
        return
    click.echo(f"family      {found.format.id if found.format else 'none'}")
    click.echo(f"trained     {found.trained}")
    click.echo(f"why         {found.why}")
    if found.candidates:
        click.echo(f"candidates  {', '.join(found.candidates)}")
    if found.format is not None and found.format.template is not None:
        click.echo(f"template    {_visible(found.format.template)}")
        click.echo(f"stops       {'  '.join(_visible(stop) for stop in found.format.stops)}")


@fim.command("render")
@click.argument("family", required=False)
@click.option("--model", help="Hub name or folder whose tokenizer builds the ids; detects FAMILY if none is given.")
@click.option("--revision", help="Branch, tag or commit of the model on the hub.")
@click.option("--trust-remote-code", is_flag=True, help="Let the model's repository run its own tokenizer code.")
@click.option("--prefix", help="Code before the hole.")
@click.option("--prefix-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="... from a file.")
@click.option("--suffix", help="Code after the hole.")
@click.option("--suffix-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="... from a file.")
@click.option("--order", help="PSM, SPM-a, SPM-b, ...: see `itax fim list`. Default: the family's own.")
@click.option("--path", "path", default="", help="Name of the file with the hole, for families that show it.")
@click.option("--language", default="", help="python, cpp, java, ...; guessed from --path.")
@click.option("--repo-file", "repo_files", multiple=True, metavar="PATH=FILE", help="Another file of the repository.")
@click.option("--repo-name", default="repo", show_default=True, help="The repository's name, with --repo-file.")
@click.option("--ids", "show_ids", is_flag=True, help="One line per token: id, and the text it stands for.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def render_prompt(
    family: str | None,
    model: str | None,
    revision: str | None,
    trust_remote_code: bool,
    prefix: str | None,
    prefix_file: Path | None,
    suffix: str | None,
    suffix_file: Path | None,
    order: str | None,
    path: str,
    language: str,
    repo_files: tuple[str, ...],
    repo_name: str,
    show_ids: bool,
    as_json: bool,
) -> None:
    """Print the prompt of FAMILY (or of --model's own family) for a prefix and a suffix.

    The text is printed exactly, nothing added at its end. Ids need a tokenizer, so --ids needs --model.

    \b
    itax fim render qwen2.5-coder --prefix $'def f(x):\\n    return ' --suffix ' + 1'
    itax fim render starcoder2 --prefix-file a.py --suffix-file b.py --order SPM-a
    itax fim render --model codellama/CodeLlama-7b-hf --prefix 'a = ' --suffix '' --ids
    itax fim render qwen2.5-coder --prefix 'from lib import ' --suffix '' --path app.py --repo-file lib.py=src/lib.py
    """
    if family is None and model is None:
        raise click.UsageError("Name a FAMILY (see `itax fim list`) or give --model.")
    if show_ids and model is None:
        raise ConfigError("--ids needs a tokenizer: add --model with the hub name or folder of one.")
    before = _text("--prefix", prefix, prefix_file)
    after = _text("--suffix", suffix, suffix_file)
    tokenizer = None if model is None else load_tokenizer(model, revision, trust_remote_code)
    fmt = _chosen(family, model, tokenizer)
    if repo_files:
        if order not in (None, fmt.order):
            raise ConfigError(f"--repo-file renders the family's own order ({fmt.order}); leave --order out.")
        others = [_other_file(given) for given in repo_files]
        rendered = render_repo(
            fmt, others, before, after, path=path, repo=repo_name, language=language, tokenizer=tokenizer
        )
    else:
        rendered = render(fmt, before, after, tokenizer=tokenizer, order=order, path=path, language=language)
    for name in dict.fromkeys((*user_text_holds_sentinel(fmt, before), *user_text_holds_sentinel(fmt, after))):
        click.echo(
            f"Note: the code itself holds {name!r}; in the text form it is read as a token, in the ids it is not.",
            err=True,
        )
    _print_rendered(fmt, rendered, tokenizer, show_ids, as_json)


def _chosen(family: str | None, model: str | None, tokenizer: Any) -> FimFormat:
    if family is not None:
        return fim_format(family)
    resolved = resolve(tokenizer, requested=None, model=model or "", backend_takes="ids")
    for warning in resolved.warnings:
        click.echo(f"Note: {warning}", err=True)
    return cast(FimFormat, resolved.format)


def _print_rendered(fmt: FimFormat, rendered: Rendered, tokenizer: Any, show_ids: bool, as_json: bool) -> None:
    if as_json:
        _print_json({"family": fmt.id, "order": rendered.order, "text": rendered.text, "ids": rendered.ids})
    elif show_ids and rendered.ids is not None:
        width = max((len(str(token_id)) for token_id in rendered.ids), default=1)
        for token_id in rendered.ids:
            shown = tokenizer.decode([token_id], skip_special_tokens=False)
            click.echo(f"{token_id:>{width}}  {_visible(shown)}")
    else:
        if fmt.needs_ids:
            click.echo(f"Note: {fmt.id} must be sent as token ids; this text is for reading.", err=True)
        click.echo(rendered.text, nl=False)


def _text(option: str, given: str | None, file: Path | None) -> str:
    """The text of an option or of a file, unchanged."""
    if given is not None and file is not None:
        raise click.UsageError(f"Give {option} or {option}-file, not both.")
    if file is not None:
        return _read(file)
    return given or ""


def _other_file(given: str) -> tuple[str, str]:
    shown, separator, file = given.partition("=")
    if not separator or not shown or not file:
        raise click.UsageError(f"--repo-file {given!r}: write it as PATH=FILE, e.g. lib.py=src/lib.py.")
    return shown, _read(Path(file))


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"There is no file {file}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{file} is not UTF-8 ({error.reason} at byte {error.start}); convert it first.") from error


def _columns(fmt: FimFormat) -> Sequence[str]:
    sent: Literal["text", "ids", "-"] = "-" if fmt.template is None else "ids" if fmt.needs_ids else "text"
    orders = ", ".join(fmt.orders) or "-"
    return (fmt.id, fmt.trained, orders, sent, str(fmt.max_context or "?"), fmt.status)


def _row(fmt: FimFormat) -> dict[str, Any]:
    templates = {} if fmt.template is None else {fmt.order: fmt.template, **fmt.alt_templates}
    return {
        "id": fmt.id,
        "trained": fmt.trained,
        "order": fmt.order or None,
        "order_documented": fmt.order_documented,
        "templates": templates,
        "id_templates": dict(fmt.id_templates),
        "repo_template": fmt.repo_template,
        "repo_file": fmt.repo_file or None,
        "sentinels": list(fmt.sentinels),
        "tokens": list(fmt.tokens),
        "stops": list(fmt.stops),
        "repo_stops": list(fmt.repo_stops),
        "bos": fmt.bos,
        "needs_ids": fmt.needs_ids,
        "max_context": fmt.max_context,
        "context_by_size": dict(fmt.context_by_size),
        "ids": {variant: dict(ids) for variant, ids in fmt.ids.items()},
        "official": list(fmt.official),
        "status": fmt.status,
        "sources": list(fmt.sources),
        "notes": fmt.notes,
    }


def _print_table(rows: Iterable[Sequence[str]]) -> None:
    lines = list(rows)
    widths = [max(len(row[column]) for row in lines) for column in range(len(lines[0]))]
    for row in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_json(value: object) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def _visible(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
