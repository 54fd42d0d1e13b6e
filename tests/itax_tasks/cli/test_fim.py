"""`itax fim`: the three commands, as typed."""

from __future__ import annotations

import builtins
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from itax_metrics.errors import ConfigError, MissingExtraError
from itax_tasks.cli.fim import fim
from itax_tasks.tune.tiny import bundled


def run(*arguments: str):
    return CliRunner().invoke(fim, list(arguments))


@pytest.fixture
def model(tmp_path):
    """A folder with a StarCoder2-like tokenizer in it."""
    tokenizers = pytest.importorskip("tokenizers", reason="builds a tokenizer; comes with the hf extra")
    transformers = pytest.importorskip("transformers", reason="loads a tokenizer; comes with the hf extra")
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {symbol: index for index, symbol in enumerate(alphabet)}
    core = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    core.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = tokenizers.decoders.ByteLevel()
    core.add_special_tokens(["<fim_prefix>", "<fim_suffix>", "<fim_middle>", "<repo_name>", "<file_sep>"])
    transformers.PreTrainedTokenizerFast(tokenizer_object=core).save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


def test_list_shows_every_family():
    """One line a family below the header."""
    lines = run("list").output.splitlines()
    assert len(lines) == 30
    assert lines[0].split() == ["ID", "TRAINED", "ORDERS", "SENT", "AS", "CONTEXT", "STATUS"]
    assert lines[10].split() == ["codellama", "yes", "PSM,", "SPM-a", "ids", "16384", "V"]


def test_list_json_holds_templates_and_sources():
    """The machine-readable list is the whole registry."""
    rows = {row["id"]: row for row in json.loads(run("list", "--json").output)}
    assert len(rows) == 29
    assert rows["starcoder2"]["templates"]["SPM-a"] == "<fim_prefix><fim_suffix>{S}<fim_middle>{P}"
    assert rows["qwen2.5-coder"]["ids"]["all"]["<|fim_prefix|>"] == 151659
    assert all(row["sources"] for row in rows.values())


def test_detect_explains_itself(model):
    """Family, doubt about training, the reason, and the template."""
    output = run("detect", model).output
    assert "family      starcoder2" in output
    assert "trained     unknown" in output
    assert "template    <fim_prefix>{P}<fim_suffix>{S}<fim_middle>" in output


def test_detect_json(model):
    """The same for machines."""
    answer = json.loads(run("detect", model, "--json").output)
    assert (answer["format"], answer["trained"], answer["candidates"]) == ("starcoder2", "unknown", ["starcoder2"])


def test_detect_of_nothing_says_what_to_check(tmp_path):
    """A folder without a tokenizer is a message, not a traceback."""
    pytest.importorskip("transformers", reason="loads a tokenizer; comes with the hf extra")
    error = run("detect", str(tmp_path)).exception
    assert isinstance(error, ConfigError)
    assert "No tokenizer could be loaded from" in str(error)


def test_detect_without_transformers_names_the_extra(monkeypatch):
    """The laptop installation says which extra is missing."""
    original = builtins.__import__

    def without(name, *arguments, **keywords):
        if name.split(".")[0] == "transformers":
            raise ImportError(name)
        return original(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without)
    error = run("detect", "some/model").exception
    assert isinstance(error, MissingExtraError)
    assert "itax-tasks[hf]" in str(error)


def test_render_prints_the_prompt_and_nothing_else():
    """Not even a newline at the end."""
    result = run("render", "starcoder2", "--prefix", "a = ", "--suffix", " + 1")
    assert result.stdout == "<fim_prefix>a = <fim_suffix> + 1<fim_middle>"


def test_render_takes_another_order():
    """SPM-a by name."""
    result = run("render", "starcoder2", "--prefix", "a", "--suffix", "b", "--order", "SPM-a")
    assert result.stdout == "<fim_prefix><fim_suffix>b<fim_middle>a"


def test_render_reads_files_byte_for_byte(tmp_path):
    """CRLF in a file stays CRLF in the prompt."""
    (tmp_path / "p.py").write_bytes(b"a\r\n")
    result = run("render", "seed-coder", "--prefix-file", str(tmp_path / "p.py"))
    assert result.stdout_bytes == b"<[fim-suffix]><[fim-prefix]>a\r\n<[fim-middle]>"


def test_render_ids_lists_one_token_a_line(model):
    """Id and text, newlines made visible."""
    result = run("render", "--model", model, "--prefix", "a\n", "--suffix", "", "--ids")
    lines = ["256  <fim_prefix>", " 64  a", "198  \\n", "257  <fim_suffix>", "258  <fim_middle>"]
    assert lines == result.stdout.splitlines()
    assert "unknown" in result.stderr


def test_render_json_holds_text_and_ids(model):
    """The same for machines; a family that is named is not detected."""
    answer = json.loads(run("render", "refact-1.6b-fim", "--model", model, "--prefix", "a", "--json").stdout)
    assert answer == {
        "family": "refact-1.6b-fim",
        "order": "PSM",
        "text": "<fim_prefix>a<fim_suffix><fim_middle>",
        "ids": [256, 64, 257, 258],
    }


def test_render_shows_other_files_of_the_repository(tmp_path):
    """--repo-file puts a file before the one with the hole."""
    (tmp_path / "lib.py").write_text("x = 1\n")
    result = run(
        *("render", "mellum", "--prefix", "import lib", "--path", "app.py"),
        *("--repo-file", f"lib.py={tmp_path / 'lib.py'}"),
    )
    assert (
        result.stdout == "<filename>lib.py\nx = 1\n\n<filename>app.py\n<fim_suffix><fim_prefix>import lib<fim_middle>"
    )


def test_render_notes_sentinels_in_the_code():
    """The text form cannot protect code that spells a token; the user is told."""
    result = run("render", "starcoder2", "--prefix", "'<fim_middle>'")
    assert "'<fim_middle>'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("render", "starcodr2"), "Did you mean starcoder2"),
        (("render", "yi-coder"), "no usable format"),
        (("render", "starcoder2", "--order", "SPM-b"), "Known orders: PSM, SPM-a"),
        (("render", "starcoder2", "--ids"), "--ids needs a tokenizer"),
        (("render", "granite-4", "--repo-file", "a=nowhere.py"), "no file nowhere.py"),
    ],
)
def test_refusals_say_what_to_do(arguments, message):
    """Every refusal is a ConfigError with a remedy in it."""
    error = run(*arguments).exception
    assert isinstance(error, ConfigError)
    assert message in str(error)


@pytest.mark.parametrize(
    "arguments",
    [("render",), ("render", "starcoder2", "--repo-file", "a.py"), ("list", "--yaml")],
)
def test_wrong_command_lines_are_usage_errors(arguments):
    """Exit status 2, as for every command line that cannot be understood."""
    assert run(*arguments).exit_code == 2


@pytest.mark.parametrize("command", [(), ("list",), ("detect",), ("render",)])
def test_help_teaches(command):
    """Every page of help holds an example or a legend."""
    output = run(*command, "--help").output
    assert "itax fim" in output or "TRAINED" in output


@pytest.mark.parametrize("verb", ["detect", "probe"])
def test_a_model_that_is_not_there_is_one_message(verb: str, tmp_path: Path) -> None:
    """The same from both commands, and no traceback of transformers."""
    pytest.importorskip("transformers", reason="the extra `hf` is not installed")
    nowhere = str(tmp_path / "nowhere")
    result = CliRunner().invoke(fim, [verb, nowhere])
    assert isinstance(result.exception, ConfigError), repr(result.exception)
    assert f"No tokenizer could be loaded from {nowhere!r}" in str(result.exception)


def test_the_bundled_pair_goes_by_its_names() -> None:
    """As it does for `itax run`; what detection says of the tokenizer is the same as by its folder."""
    pytest.importorskip("transformers", reason="the extra `hf` is not installed")
    shown = CliRunner().invoke(fim, ["detect", "itax-tiny-base"], catch_exceptions=False).output
    assert shown.splitlines()[0].split()[0] == "family"
    assert shown == CliRunner().invoke(fim, ["detect", str(bundled("itax-tiny-base"))], catch_exceptions=False).output
