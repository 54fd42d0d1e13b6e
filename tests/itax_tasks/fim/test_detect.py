"""Detection: the right family from the vocabulary, and no more certainty about training than a name gives."""

from __future__ import annotations

import pytest

from itax_tasks.fim import detect
from itax_tasks.fim.names import by_name

FIM = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
BAR_FIM = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
HOLES = ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>")


@pytest.mark.parametrize(
    ("tokens", "family"),
    [
        ((*BAR_FIM, "<|file_separator|>"), "codegemma"),
        ((*BAR_FIM, "<|start_of_role|>", "<|end_of_text|>"), "granite-4"),
        ((*BAR_FIM, "<|file_sep|>", "<|repo_name|>", "<|im_start|>"), "qwen3-coder"),
        ((*FIM, "<repo_name>", "<file_sep>", "<|im_start|>"), "codeqwen1.5"),
        ((*FIM, "<repo_name>", "<file_sep>"), "starcoder2"),
        ((*FIM, "<filename>", "<reponame>", "<system>", "<assistant>"), "mellum"),
        ((*FIM, "<filename>", "<reponame>", "<|im_start|>"), "mellum"),
        ((*FIM, "<reponame>", "<|start_of_role|>"), "granite-3.3"),
        ((*FIM, "<filename>", "<reponame>", "<gh_stars>"), "starcoder"),
        (("<fim-prefix>", "<fim-suffix>", "<fim-middle>"), "santacoder"),
        (HOLES, "deepseek-coder-v2-lite"),
        (("<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>"), "seed-coder"),
        (("<|mask:0|>", "<|mask:1|>", "<|endofmask|>"), "incoder"),
        (("<mask_1>", "<sep>", "<eom>"), "codegen2"),
        (("<|prefix|>", "<|suffix|>", "<|middle|>"), "falcon-h1-tiny-coder"),
        (("[PREFIX]", "[SUFFIX]", "[MIDDLE]"), "codestral"),
    ],
)
@pytest.mark.parametrize("marked_special", [True, False])
def test_vocabulary_tells_the_family_special_or_not(byte_level, tokens, family, marked_special):
    """Sentinels and auxiliary tokens decide, whether they are marked special or not; training stays unknown."""
    made = byte_level(special=tokens) if marked_special else byte_level(plain=tokens)
    found = detect(made)
    assert found.format is not None
    assert (family, "unknown") == (found.format.id, found.trained)
    assert family == found.candidates[0]


@pytest.mark.parametrize(
    ("hole", "family"), [(32015, "deepseek-coder"), (128800, "deepseek-v4"), (500, "deepseek-coder-v2-lite")]
)
def test_published_ids_tell_the_deepseek_generations_apart(byte_level, hole, family):
    """Coder v1 and V4 have the same strings at different ids."""
    fixed = {HOLES[1]: hole, HOLES[0]: hole + 1, HOLES[2]: hole + 2}
    found = detect(byte_level(plain=HOLES, fixed=fixed))
    assert found.format is not None
    assert family == found.format.id


def test_qwen_ids_are_recognised(byte_level):
    """151659 to 151661 are Qwen2.5's; the same strings elsewhere are the later generation's."""
    fixed = {"<|fim_prefix|>": 151659, "<|fim_middle|>": 151660, "<|fim_suffix|>": 151661}
    found = detect(byte_level(plain=(*BAR_FIM, "<|file_sep|>", "<|repo_name|>", "<|im_start|>"), fixed=fixed))
    assert found.format is not None
    assert found.format.id == "qwen2.5-coder"


def test_codellama_is_found_by_its_pieces(sentencepiece):
    """The pieces carry SentencePiece's blank and decode without it."""
    found = detect(sentencepiece({"▁<PRE>": 32007, "▁<SUF>": 32008, "▁<MID>": 32009}))
    assert found.format is not None
    assert found.format.id == "codellama"


def test_tokens_known_by_id_only_count_for_codestral(id_only):
    """mistral-common never parses control tokens from text; they exist all the same."""
    found = detect(id_only({"[SUFFIX]": 13, "[PREFIX]": 11, "[MIDDLE]": 12}))
    assert found.format is not None
    assert found.format.id == "codestral"


def test_sentinels_that_resolve_to_unk_do_not_count(id_only):
    """A tokenizer that answers id 0 for every unknown token carries no family."""
    found = detect(id_only({}, unk_for_others=True))
    assert (found.format, found.candidates) == (None, ())


def test_sentinels_split_into_several_ids_do_not_count(byte_level):
    """Text that merely can be spelled is no token."""
    found = detect(byte_level())
    assert (found.format, found.trained) == (None, "unknown")


def test_two_families_with_the_same_tokens_are_not_guessed(byte_level):
    """CodeGeeX4 and GLM share tokens but not their order, so neither is chosen."""
    found = detect(byte_level(special=("<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>")))
    assert (found.format, found.candidates) == (None, ("codegeex4", "glm-4.5"))


def test_bare_triple_names_candidates(byte_level):
    """Three sentinels without any auxiliary token do not tell the family."""
    found = detect(byte_level(special=BAR_FIM))
    assert (found.format, found.candidates) == (None, ("codegemma", "granite-4", "qwen2.5-coder", "qwen3-coder"))


def test_name_decides_between_families_with_the_same_tokens(byte_level):
    """A name the registry knows settles what the tokens leave open, training included."""
    made = byte_level(special=("<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>", "<|user|>", "<|assistant|>"))
    found = detect(made, "THUDM/codegeex4-all-9b")
    assert found.format is not None
    assert (found.format.id, found.trained) == ("codegeex4", "yes")


def test_name_without_the_tokens_is_no_family(byte_level):
    """An official name on a tokenizer that lacks the sentinels is reported, not believed."""
    found = detect(byte_level(), "bigcode/starcoder2-3b")
    assert found.format is None
    assert "lacks <fim_prefix>, <fim_suffix>, <fim_middle>" in found.why


def test_name_of_the_tokenizer_is_used_when_none_is_given(byte_level):
    """`name_or_path` stands in for the model's name."""
    made = byte_level(special=(*FIM, "<repo_name>", "<file_sep>"), name="bigcode/starcoder2-7b")
    assert detect(made).trained == "yes"


def test_untrained_name_wins_over_its_tokens(byte_level):
    """Yi-Coder has StarCoder's tokens and was not usefully trained on them."""
    found = detect(byte_level(special=(*FIM, "<repo_name>", "<file_sep>")), "01-ai/Yi-Coder-9B")
    assert found.format is not None
    assert (found.format.id, found.trained, found.format.template) == ("yi-coder", "no", None)


@pytest.mark.parametrize(
    ("model", "trained", "family"),
    [
        ("Qwen/Qwen2.5-Coder-7B", "yes", "qwen2.5-coder"),
        ("Qwen/Qwen2.5-Coder-0.5B-Instruct", "yes", "qwen2.5-coder"),
        ("qwen/qwen2.5-coder-32b-instruct-awq", "yes", "qwen2.5-coder"),
        ("Qwen/Qwen2.5-7B", "unknown", None),
        ("Qwen/Qwen3-8B", "unknown", None),
        ("someone/Qwen2.5-Coder-7B-sql", "unknown", None),
        ("deepseek-ai/deepseek-coder-6.7b-instruct", "yes", "deepseek-coder"),
        ("deepseek-ai/DeepSeek-Coder-V2-Lite-Base", "yes", "deepseek-coder-v2-lite"),
        ("deepseek-ai/DeepSeek-Coder-V2-Base", "no", "deepseek-coder-v2-236b"),
        ("deepseek-ai/DeepSeek-Coder-V2-Instruct-0724", "no", "deepseek-coder-v2-236b"),
        ("deepseek-ai/DeepSeek-R1", "unknown", None),
        ("codellama/CodeLlama-7b-Instruct-hf", "yes", "codellama"),
        ("codellama/CodeLlama-34b-hf", "no", "codellama-34b/python"),
        ("codellama/CodeLlama-7b-Python-hf", "no", "codellama-34b/python"),
        ("codellama/CodeLlama-70b-hf", "unknown", None),
        ("mistralai/Codestral-22B-v0.1", "yes", "codestral"),
        ("mistralai/Mamba-Codestral-7B-v0.1", "no", "mamba-codestral"),
        ("mistralai/Mistral-7B-v0.3", "unknown", None),
        ("google/codegemma-7b-it", "unknown", None),
        ("ByteDance-Seed/Seed-Coder-8B-Base", "yes", "seed-coder"),
        ("ByteDance-Seed/Seed-Coder-8B-Instruct", "unknown", None),
        ("meta-llama/Meta-Llama-3-8B", "no", None),
        ("01-ai/Yi-Coder-1.5B-Chat", "no", "yi-coder"),
        ("zai-org/GLM-4.5-Air", "unknown", "glm-4.5"),
        ("./checkpoints/Qwen2.5-Coder-7B", "unknown", None),
        ("hub/models--bigcode--starcoder2-3b/snapshots/733247c", "yes", "starcoder2"),
        ("", "unknown", None),
    ],
)
def test_names(model, trained, family):
    """Official names are yes, known exceptions no, fine-tunes, general models and folders unknown."""
    verdict = by_name(model)
    assert (trained, family) == (verdict.trained, verdict.format_id)
