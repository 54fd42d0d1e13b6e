"""Rendering: the published prompt, id by id, whatever stands in the code."""

from __future__ import annotations

import re

import pytest

from itax_metrics.errors import ConfigError
from itax_tasks.fim import fim_format, load_formats, render, render_repo, user_text_holds_sentinel

FIM = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
QWEN = ("<|endoftext|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|file_sep|>", "<|repo_name|>")
HOLES = ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>")
CODELLAMA = {"▁<PRE>": 32007, "▁<SUF>": 32008, "▁<MID>": 32009}
CODE = ("def f(x):\n    return ", "\n\nx")
USABLE = [fmt for fmt in load_formats().values() if fmt.template is not None]
EVERY_ORDER = [(fmt, order) for fmt in USABLE for order in fmt.orders]
TEXT_ORDERS = [(fmt, order) for fmt, order in EVERY_ORDER if not fmt.id_templates]


@pytest.mark.parametrize(("fmt", "order"), EVERY_ORDER, ids=lambda value: getattr(value, "id", value))
def test_prefix_and_suffix_come_back_from_every_order(fmt, order):
    """In each order of each family both parts stand unchanged between the right neighbours."""
    prefix, suffix = "p {S} {path}\r\n\t", "{P} s\n"
    text = render(fmt, prefix, suffix, order=order, path="a.py").text
    header = "# the file path is: a.py\n# the code file is written by Python\n"
    template = fmt.text_template(order).replace("{path}", "a.py").replace("{language}", "Python")
    pattern = re.escape(template.replace("{header}", header)).replace(r"\{P\}", "(?P<P>.*)")
    found = re.fullmatch(pattern.replace(r"\{S\}", "(?P<S>.*)"), text, re.DOTALL)
    assert found is not None
    assert (prefix, suffix) == (found["P"], found["S"])


@pytest.mark.parametrize(("fmt", "order"), TEXT_ORDERS, ids=lambda value: getattr(value, "id", value))
def test_ids_of_every_order_equal_the_tokenised_text(byte_level, fmt, order):
    """On byte-level tokenizers, ids built piece by piece are those of the whole string."""
    made = byte_level(special=fmt.control_tokens)
    rendered = render(fmt, *CODE, tokenizer=made, order=order, path="a.py")
    whole = made(rendered.text, add_special_tokens=False)["input_ids"]
    led_by = [] if fmt.bos is None or rendered.text.startswith(fmt.bos) else [made.convert_tokens_to_ids(fmt.bos)]
    assert [*led_by, *whole] == rendered.ids


def test_starcoder2_golden_ids(byte_level):
    """Id by id: sentinels are the added tokens 269 to 271, the rest is byte-level text."""
    rendered = render(fim_format("starcoder2"), *CODE, tokenizer=byte_level(special=FIM))
    prefix = [259, 220, 69, 7, 87, 8, 25, 198, 256, 220, 265, 220]
    assert [269, *prefix, 270, 198, 198, 87, 271] == rendered.ids
    assert rendered.order == "PSM"


def test_starcoder2_spm_a_golden_ids(byte_level):
    """SPM-a puts both opening tokens first and the prefix after the middle token."""
    rendered = render(fim_format("starcoder2"), "a", "b", tokenizer=byte_level(special=FIM), order="SPM-a")
    assert rendered.text == "<fim_prefix><fim_suffix>b<fim_middle>a"
    assert rendered.ids == [269, 270, 65, 271, 64]


def test_codellama_golden_ids(sentencepiece):
    """<s> before PRE; the prefix keeps SentencePiece's blank, the suffix begins without it."""
    made = sentencepiece(CODELLAMA)
    ids = render(fim_format("codellama"), "def f(a):", "\n    b", tokenizer=made).ids
    prefix = [306, 259, 265, 286, 260, 287, 288]
    assert [1, 32007, *prefix, 32008, 13, 302, 302, 261, 32009] == ids
    assert made.convert_ids_to_tokens(prefix) == ["▁def", "▁", "f", "(", "a", ")", ":"]


def test_codellama_spm_golden_ids(sentencepiece):
    """SPM-a: PRE and SUF together, the suffix, MID, then the prefix."""
    ids = render(fim_format("codellama"), "def", "b", tokenizer=sentencepiece(CODELLAMA), order="SPM-a").ids
    assert ids == [1, 32007, 32008, 261, 32009, 306]


def test_codellama_prefix_that_starts_with_blanks_gains_one(sentencepiece):
    """SentencePiece puts its blank before every text; a fast tokenizer alone would leave it out here."""
    made = sentencepiece(CODELLAMA)
    ids = render(fim_format("codellama"), "  b", "", tokenizer=made).ids
    assert ids == [1, 32007, 303, 261, 32008, 32009]
    assert made.convert_ids_to_tokens(ids[2:4]) == ["▁▁▁", "b"]


def test_codellama_suffix_is_the_anchored_encoding(sentencepiece):
    """Meta's rule: encode the suffix behind a smiley, then drop the smiley's ids."""
    made = sentencepiece(CODELLAMA)
    ids = render(fim_format("codellama"), "", "def b", tokenizer=made).ids
    smiley = made.encode("☺", add_special_tokens=False)
    assert made.encode("☺def b", add_special_tokens=False)[len(smiley) :] == ids[3:-1]
    assert made.convert_ids_to_tokens(ids[3]) == "def"
    assert made.convert_ids_to_tokens(made.encode("def b", add_special_tokens=False)[0]) == "▁def"


def test_codellama_text_form_tokenises_to_the_same_ids(sentencepiece):
    """Where SentencePiece finds the pieces in plain text, text form and ids agree."""
    made = sentencepiece(CODELLAMA, parsed=True)
    rendered = render(fim_format("codellama"), "def f(a):", "\n    b", tokenizer=made)
    assert rendered.text == "<PRE> def f(a): <SUF>\n    b <MID>"
    assert made(rendered.text)["input_ids"] == rendered.ids


@pytest.mark.parametrize("wrong", ["<PRE>def b <SUF>b <MID>", "<PRE> def b <SUF> b <MID>", "<PRE> def b <SUF>b<MID>"])
def test_codellama_spacing_mistakes_of_other_registries_change_ids(sentencepiece, wrong):
    """One blank more or less around a token is another prompt."""
    made = sentencepiece(CODELLAMA, parsed=True)
    assert made(wrong)["input_ids"] != render(fim_format("codellama"), "def b", "b", tokenizer=made).ids


def test_codellama_piece_spelled_in_code_stays_text(sentencepiece):
    """SentencePiece would read ` <PRE>` in somebody's code as the token; it is cut apart."""
    made = sentencepiece(CODELLAMA, parsed=True)
    assert 32007 in made.encode("a <PRE> b", add_special_tokens=False)
    ids = render(fim_format("codellama"), "a <PRE> b", "<MID>", tokenizer=made).ids
    assert tuple(ids.count(token_id) for token_id in CODELLAMA.values()) == (1, 1, 1)
    assert made.decode(ids[2 : ids.index(32008)]) == "a <PRE> b"


def test_codestral_golden_ids(sentencepiece):
    """Suffix first, no middle token; the prefix keeps SentencePiece's blank, the suffix does not."""
    made = sentencepiece({"[PREFIX]": 1011, "[MIDDLE]": 1012, "[SUFFIX]": 1013})
    ids = render(fim_format("codestral"), "def f(a):", "\n    b", tokenizer=made).ids
    assert ids == [1, 1013, 13, 302, 302, 261, 1011, 306, 259, 265, 286, 260, 287, 288]


def test_codestral_empty_suffix_keeps_both_tokens(sentencepiece):
    """`[SUFFIX][PREFIX]` is sent even when there is nothing after the hole."""
    made = sentencepiece({"[PREFIX]": 1011, "[SUFFIX]": 1013})
    ids = render(fim_format("codestral"), "", "", tokenizer=made).ids
    assert ids == [1, 1013, 1011]


def test_codestral_on_a_tokenizer_that_never_parses_control_tokens(id_only):
    """mistral-common: control tokens by id, and their spelling in code is plain text."""
    made = id_only({"[SUFFIX]": 13, "[PREFIX]": 11})
    assert render(fim_format("codestral"), "a", "b", tokenizer=made).ids == [1, 13, 198, 11, 197]
    ids = render(fim_format("codestral"), "[PREFIX]", "b", tokenizer=made).ids
    assert (ids.count(11), len(ids)) == (1, 12)


@pytest.mark.parametrize("special", [True, False])
def test_sentinels_in_code_are_never_tokens(byte_level, special):
    """Neither special nor plain added tokens are matched inside code, though the tokenizer would."""
    tokens = {"special": QWEN} if special else {"plain": QWEN}
    made = byte_level(**tokens)
    prefix, suffix = "a = '<|fim_middle|>'", "<|endoftext|><|fim_prefix|>"
    ids = render(fim_format("qwen2.5-coder"), prefix, suffix, tokenizer=made).ids
    begin, middle, end = (made.convert_tokens_to_ids(token) for token in QWEN[1:4])
    assert (begin, end) == (ids[0], ids[-1])
    assert tuple(ids.count(token_id) for token_id in (begin, middle, end)) == (1, 1, 1)
    assert ids.count(made.convert_tokens_to_ids("<|endoftext|>")) == 0
    assert prefix == made.decode(ids[1 : ids.index(middle)])
    assert suffix == made.decode(ids[ids.index(middle) + 1 : -1])


def test_overlapping_tokens_in_code_are_all_cut(byte_level):
    """Cutting one token must not uncover another."""
    made = byte_level(special=(*FIM, "x>y", ">y<"))
    ids = render(fim_format("starcoder"), "x>y<", "", tokenizer=made).ids
    assert ids[1:5] == [87, 29, 88, 27]


def test_ordinary_added_tokens_stay_as_the_model_knows_them(byte_level):
    """A run of newlines that is an added token of the model is text, not control."""
    made = byte_level(special=FIM, plain=("\n\n\n",))
    newlines = made.convert_tokens_to_ids("\n\n\n")
    assert newlines in render(fim_format("starcoder"), "a\n\n\nb", "", tokenizer=made).ids


def test_crlf_is_kept_in_the_ids(byte_level, sentencepiece):
    """Carriage returns survive on both kinds of tokenizer, next to sentinels too."""
    made = byte_level(special=FIM)
    assert made.decode(render(fim_format("starcoder"), "a\r\n", "", tokenizer=made).ids[1:-2]) == "a\r\n"
    ids = render(fim_format("codellama"), "a", "\r\n b", tokenizer=sentencepiece(CODELLAMA)).ids
    assert ids[-5:] == [32008, 16, 13, 308, 32009]


def test_deepseek_ids_start_with_its_own_token_once(byte_level):
    """The family's first token leads, whether or not the tokenizer would add it."""
    bos = "<｜begin▁of▁sentence｜>"
    for made in (byte_level(special=(bos, *HOLES)), byte_level(special=(bos, *HOLES), bos=bos)):
        ids = render(fim_format("deepseek-coder"), "a", "b", tokenizer=made).ids
        assert ids == [269, 270, 64, 271, 65, 272]


def test_families_without_a_first_token_follow_the_tokenizer(byte_level):
    """Where no source names a first token, the prompt starts as this tokenizer starts every text."""
    tokens = ("<[fim-prefix]>", "<[fim-suffix]>", "<[fim-middle]>")
    seed = fim_format("seed-coder")
    assert render(seed, "a", "b", tokenizer=byte_level(special=tokens)).ids == [270, 65, 269, 64, 271]
    made = byte_level(special=(*tokens, "<s>"), bos="<s>")
    assert render(seed, "a", "b", tokenizer=made).ids == [272, 270, 65, 269, 64, 271]


def test_aixcoder_writes_its_first_token_out(byte_level):
    """`<s>` stands in the template: it is one id and is not added a second time."""
    fmt = fim_format("aixcoder-7b")
    made = byte_level(special=fmt.control_tokens, bos="<s>")
    rendered = render(fmt, "a", "b", tokenizer=made)
    assert rendered.text == "<s>▁<AIX-SPAN-PRE>▁<AIX-SPAN-POST>b▁<AIX-SPAN-MIDDLE>a"
    assert rendered.ids == [272, 269, 270, 65, 271, 64]


def test_aixcoder_header_names_path_and_language():
    """Two comment lines before the prefix, in the comment style of the language."""
    text = render(fim_format("aixcoder-7b"), "a", "b", path="A.java").text
    assert text.endswith("<AIX-SPAN-MIDDLE>// the file path is: A.java\n// the code file is written by Java\na")


def test_codegeex4_names_path_and_language():
    """The chat frame carries both; the language is guessed from the path."""
    text = render(fim_format("codegeex4"), "a", "b", path="x.cpp").text
    assert text.startswith("<|user|>\n###PATH:x.cpp\n###LANGUAGE:C++\n###MODE:BLOCK\n<|code_suffix|>b<|code_prefix|>a")


def test_mellum_without_a_path_uses_its_plain_form():
    """An empty file name is never shown; the order says which form was used."""
    fmt = fim_format("mellum")
    assert (
        render(fmt, "a", "b").text,
        render(fmt, "a", "b").order,
    ) == ("<fim_suffix>b<fim_prefix>a<fim_middle>", "SPM-b-plain")
    assert render(fmt, "a", "b", path="m.py").text == "<filename>m.py\n<fim_suffix>b<fim_prefix>a<fim_middle>"


def test_slow_tokenizers_give_the_same_guarantees(slow_bytes):
    """A tokenizer written in Python: sentinels single, their spelling in code not."""
    made = slow_bytes(FIM)
    ids = render(fim_format("refact-1.6b-fim"), "a<fim_prefix>é", "b", tokenizer=made).ids
    assert [token_id for token_id in ids if token_id >= 259] == [259, 260, 261]
    assert made.decode(ids) == "<fim_prefix>a<fim_prefix>é<fim_suffix>b<fim_middle>"


def test_missing_sentinel_is_named(byte_level):
    """A tokenizer without the family's tokens is refused, never spelled out."""
    with pytest.raises(ConfigError, match="'<fim_suffix>' as one token"):
        render(fim_format("starcoder"), "a", "b", tokenizer=byte_level(special=("<fim_prefix>", "<fim_middle>")))


def test_without_a_tokenizer_there_are_no_ids():
    """Text alone needs no tokenizer library."""
    assert render(fim_format("starcoder"), "a", "b").ids is None


def test_repository_prompt_of_qwen(byte_level):
    """Repository name, other files, then the file with the hole, as the maintainers confirmed."""
    fmt = fim_format("qwen2.5-coder")
    made = byte_level(special=fmt.control_tokens)
    others = [("lib.py", "x = {P}\n"), ("b.py", "y")]
    rendered = render_repo(fmt, others, "p", "s", path="app.py", repo="demo", tokenizer=made)
    assert rendered.text == (
        "<|repo_name|>demo\n<|file_sep|>lib.py\nx = {P}\n\n<|file_sep|>b.py\ny\n"
        "<|file_sep|>app.py\n<|fim_prefix|>p<|fim_suffix|>s<|fim_middle|>"
    )
    assert made(rendered.text, add_special_tokens=False)["input_ids"] == rendered.ids


def test_repository_prompt_of_starcoder2_opens_before_the_path():
    """Unlike the others, `<fim_prefix>` stands before the path."""
    text = render_repo(fim_format("starcoder2"), [("a.py", "x")], "p", "s", path="b.py", repo="r").text
    assert text == "<repo_name>r<file_sep>a.py\nx<file_sep><fim_prefix>b.py\np<fim_suffix>s<fim_middle>"


def test_repository_prompt_needs_a_documented_template():
    """No template is invented."""
    with pytest.raises(ConfigError, match="no repository-level prompt"):
        render_repo(fim_format("granite-4"), [], "p", "s", path="b.py")


def test_sentinels_in_code_are_named():
    """String backends count such documents by these names."""
    fmt = fim_format("qwen2.5-coder")
    assert user_text_holds_sentinel(fmt, "<|endoftext|> <|fim_middle|>") == ("<|fim_middle|>", "<|endoftext|>")
    assert user_text_holds_sentinel(fmt, "a < b | c > d") == ()
    assert user_text_holds_sentinel(fim_format("codellama"), "x <PRE> y") == ("<PRE>",)
