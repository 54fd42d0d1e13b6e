"""The choice of a format: named, else detected, else a refusal that says what to do."""

from __future__ import annotations

import pytest

from itax_metrics.errors import ConfigError
from itax_tasks.fim import resolve

FIM = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
STARCODER2 = (*FIM, "<repo_name>", "<file_sep>")


def test_named_family_wins_over_the_detected_one(byte_level):
    """What the user names is used, even where the tokens suggest another family."""
    found = resolve(byte_level(special=STARCODER2), requested="refact-1.6b-fim", model="bigcode/starcoder2-3b")
    assert found.format is not None
    assert (found.format.id, found.how) == ("refact-1.6b-fim", "named")


def test_official_model_is_detected_without_a_warning(byte_level):
    """A known name with the right tokens needs no word."""
    found = resolve(byte_level(special=STARCODER2), requested=None, model="bigcode/starcoder2-3b")
    assert found.format is not None
    assert (found.format.id, found.trained, found.warnings, found.how) == ("starcoder2", "yes", (), "detected")


def test_unknown_training_runs_with_one_warning(byte_level):
    """A fine-tune is measured, and the doubt is recorded once."""
    found = resolve(byte_level(special=STARCODER2), requested=None, model="./my-finetune")
    assert found.trained == "unknown"
    assert len(found.warnings) == 1
    assert "./my-finetune" in found.warnings[0]


def test_untrained_model_is_refused_with_the_way_round(byte_level):
    """Yi-Coder is not measured by accident; the message says how to do it on purpose."""
    made = byte_level(special=STARCODER2)
    with pytest.raises(ConfigError, match=r'not trained on FIM.*01-ai/Yi-Coder#3.*"fim":"starcoder"'):
        resolve(made, requested=None, model="01-ai/Yi-Coder-9B")


def test_untrained_model_runs_when_its_family_is_named(byte_level):
    """Naming a family is a decision; it is recorded as `no` with one warning."""
    found = resolve(byte_level(special=STARCODER2), requested="starcoder", model="01-ai/Yi-Coder-9B")
    assert (found.trained, found.how, len(found.warnings)) == ("no", "named", 1)


def test_naming_an_entry_without_a_format_is_refused(byte_level):
    """`yi-coder` is a finding, not a format."""
    with pytest.raises(ConfigError, match="no usable format"):
        resolve(byte_level(special=STARCODER2), requested="yi-coder", model="01-ai/Yi-Coder-9B")


def test_named_family_of_another_model_is_unknown(byte_level):
    """The name vouches only for the format it was trained on."""
    tokens = (*STARCODER2, "<fim-prefix>", "<fim-suffix>", "<fim-middle>")
    found = resolve(byte_level(special=tokens), requested="santacoder", model="bigcode/starcoder2-3b")
    assert found.trained == "unknown"


def test_no_family_names_both_remedies_and_the_families(byte_level):
    """The message tells how to name a family, that another model would do, and which families there are."""
    with pytest.raises(ConfigError) as caught:
        resolve(byte_level(), requested=None, model="gpt2")
    message = str(caught.value)
    assert """--metadata '{"fim":"<family>"}'""" in message
    assert "use a model whose tokenizer has FIM tokens" in message
    assert "qwen2.5-coder, qwen3-coder" in message
    assert "yi-coder" not in message


def test_ambiguous_tokens_name_the_candidates(byte_level):
    """Where two families share their tokens, the user chooses between exactly these."""
    made = byte_level(special=("<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"))
    with pytest.raises(ConfigError, match=r"codegeex4\|glm-4.5"):
        resolve(made, requested=None, model="./local")


@pytest.mark.parametrize("family", ["codellama", "codestral"])
def test_families_that_need_ids_are_refused_on_string_backends(sentencepiece, family):
    """Even when named: the string would be silently wrong."""
    made = sentencepiece({"▁<PRE>": 32007, "▁<SUF>": 32008, "▁<MID>": 32009, "[PREFIX]": 1011, "[SUFFIX]": 1013})
    with pytest.raises(ConfigError, match="takes token ids"):
        resolve(made, requested=family, model="m", backend_takes="string")
    assert resolve(made, requested=family, model="m", backend_takes="ids").how == "named"


def test_codestral_by_id_resolves_on_an_ids_backend(id_only):
    """Control tokens that exist by id only are enough where ids are sent."""
    found = resolve(
        id_only({"[SUFFIX]": 13, "[PREFIX]": 11}),
        requested=None,
        model="mistralai/Codestral-22B-v0.1",
        backend_takes="ids",
    )
    assert found.format is not None
    assert (found.format.id, found.trained) == ("codestral", "yes")


@pytest.mark.parametrize("takes", ["string", "ids"])
def test_missing_sentinel_is_named(byte_level, takes):
    """A named family whose token is not one id here is refused, and the token named."""
    made = byte_level(special=("<fim_prefix>", "<fim_middle>"))
    with pytest.raises(ConfigError, match="'<fim_suffix>' as one token"):
        resolve(made, requested="starcoder", model="m", backend_takes=takes)


@pytest.mark.parametrize("takes", ["native_suffix", "none"])
def test_backends_that_build_their_own_prompt_are_never_refused(byte_level, takes):
    """A suffix API or a replay needs no format; one that is known is recorded."""
    assert (
        resolve(None, requested=None, model="codestral-latest", backend_takes=takes).format,
        resolve(None, requested=None, model="", backend_takes=takes).how,
    ) == (None, "backend")
    assert None is resolve(byte_level(), requested=None, model="gpt2", backend_takes=takes).format
    known = resolve(byte_level(special=STARCODER2), requested=None, model="x", backend_takes=takes)
    assert known.format is not None
    assert (known.format.id, known.warnings) == ("starcoder2", ())


def test_string_backend_without_a_tokenizer_needs_a_name():
    """There is nothing to detect from; a named family is taken at its word."""
    with pytest.raises(ConfigError, match="no tokenizer"):
        resolve(None, requested=None, model="m")
    assert resolve(None, requested="starcoder2", model="m").how == "named"


def test_unknown_name_is_refused_with_the_nearest(byte_level):
    """A typing error in the metadata is caught before anything runs."""
    with pytest.raises(ConfigError, match=r"Did you mean qwen2\.5-coder"):
        resolve(byte_level(), requested="qwen2.5-code", model="m")
