"""Encoding pieces of a prompt: control tokens cut apart, spaces and characters accounted for."""

from __future__ import annotations

import pytest

from itax_tasks.fim.encoding import encoder_for

CODELLAMA = {"▁<PRE>": 32007, "▁<SUF>": 32008, "▁<MID>": 32009}


def test_only_one_id_that_decodes_back_is_a_token(byte_level):
    """A spelled-out string has several ids, a plain letter is not the token asked for."""
    encoder = encoder_for(byte_level(special=("<fim_prefix>",)))
    assert encoder.token_id("<fim_prefix>") == 269
    assert encoder.token_id("<fim_suffix>") is None


def test_token_that_text_never_yields_counts_by_id_only(id_only):
    """`by_text` tells string use from id use."""
    encoder = encoder_for(id_only({"[PREFIX]": 11}))
    assert encoder.token_id("[PREFIX]") is None
    assert encoder.token_id("[PREFIX]", by_text=False) == 11
    assert encoder.token_id("[NONE]", by_text=False) is None


def test_control_strings_are_special_tokens_registry_tokens_and_markup(byte_level):
    """Blanks and tags that a model reads as text are not among them."""
    made = byte_level(special=("<pad>",), plain=("<|tool|>", "<fim_prefix>", "\n\n\n", "<table>"))
    assert set(encoder_for(made).control_strings) == {"<pad>", "<|tool|>", "<fim_prefix>"}


def test_leading_ids_are_those_the_tokenizer_adds(byte_level, sentencepiece):
    """None for StarCoder's kind, `<s>` for Llama's."""
    assert encoder_for(byte_level()).lead == ()
    assert encoder_for(sentencepiece(CODELLAMA)).lead == (1,)


def test_leading_space_is_noticed(byte_level, sentencepiece):
    """SentencePiece adds one, byte-level BPE does not."""
    assert not encoder_for(byte_level()).adds_dummy_space
    assert encoder_for(sentencepiece(CODELLAMA)).adds_dummy_space


def test_leading_space_is_kept_or_dropped_on_request(sentencepiece):
    """The same word is one piece with its blank and another without."""
    made = sentencepiece(CODELLAMA)
    encoder = encoder_for(made)
    assert made.convert_ids_to_tokens(encoder.encode("def", dummy_space=True)) == ["▁def"]
    assert made.convert_ids_to_tokens(encoder.encode("def")) == ["def"]
    assert encoder.encode("", dummy_space=True) == []


@pytest.mark.parametrize("dummy_space", [True, False])
@pytest.mark.parametrize("text", ["def f(x):\r\n    é漢😀 b", "  b", "☺☺ = <s>", "a <PRE> b", ""])
def test_spans_follow_the_ids_through_the_whole_text(byte_level, sentencepiece, text, dummy_space):
    """One span an id, from the first character to the last, never backwards."""
    for made in (byte_level(special=("<s>",)), sentencepiece(CODELLAMA, parsed=True)):
        encoder = encoder_for(made)
        spans = encoder.spans(text, dummy_space=dummy_space)
        assert spans is not None
        assert len(spans) == len(encoder.encode(text, dummy_space=dummy_space))
        starts = [start for start, _ in spans]
        assert starts == sorted(starts)
        assert [end for _, end in spans][-1:] == [len(text)][: len(spans)]


def test_decoding_gives_the_text_back(byte_level, sentencepiece):
    """Cutting control tokens apart loses and adds nothing."""
    text = "if a<|im_end|>b:\r\n\t<s>x</s>  é漢😀"
    made = byte_level(special=("<|im_end|>", "<s>", "</s>"))
    assert made.decode(encoder_for(made).encode(text)) == text
    llama = sentencepiece(CODELLAMA)
    assert llama.decode(encoder_for(llama).encode("x" + text)) == "x" + text


def test_slow_tokenizers_have_no_spans(slow_bytes):
    """Whoever needs to cut has to search instead."""
    assert encoder_for(slow_bytes(("<s2>",))).spans("abc") is None


def test_a_tokenizer_that_gains_tokens_is_looked_at_again(byte_level):
    """Nothing learned before the vocabulary grew is believed afterwards."""
    made = byte_level()
    assert encoder_for(made).token_id("<fim_prefix>") is None
    made.add_tokens(["<fim_prefix>"])
    assert encoder_for(made).token_id("<fim_prefix>") == 269
