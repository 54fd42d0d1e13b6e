"""The budget: what is kept, how much of it, and that the count is the rendered one."""

from __future__ import annotations

import pytest

from itax_metrics.errors import ConfigError
from itax_tasks.fim import budget, fim_format, load_formats, render

FIM = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
CODELLAMA = {"▁<PRE>": 32007, "▁<SUF>": 32008, "▁<MID>": 32009}
USABLE = [fmt for fmt in load_formats().values() if fmt.template is not None]
LONG = "def f(x):\n    return x  # é 漢字 😀 <fim_middle>\r\n" * 6


class Counting:
    """A tokenizer that counts how often it is asked for a text longer than a token."""

    def __init__(self, inner) -> None:
        self.inner = inner
        self.calls = 0
        self.is_fast = inner.is_fast

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def __len__(self) -> int:
        return len(self.inner)

    def encode(self, text, **kwargs):
        self.calls += len(text) > 20
        return self.inner.encode(text, **kwargs)

    def __call__(self, text, **kwargs):
        self.calls += len(text) > 20
        return self.inner(text, **kwargs)


def test_prefix_end_and_suffix_beginning_are_kept_three_to_one(byte_level):
    """Of 43 ids three are sentinels; the other 40 are split 30 to 10."""
    made = byte_level(special=FIM)
    kept = budget(fim_format("starcoder"), "a" * 70 + "b" * 30, "c" * 10 + "d" * 90, made, 43)
    assert (kept.prefix, kept.suffix, kept.truncated, kept.tokens) == ("b" * 30, "c" * 10, True, 43)


def test_a_short_prefix_leaves_its_share_to_the_suffix(byte_level):
    """The prefix needs 4 of its 30 ids; the suffix gets the other 26 as well."""
    kept = budget(fim_format("starcoder"), "abcd", "c" * 100, byte_level(special=FIM), 43)
    assert (kept.prefix, kept.suffix, kept.tokens) == ("abcd", "c" * 36, 43)


def test_a_short_suffix_leaves_its_share_to_the_prefix(byte_level):
    """The suffix needs 2 of its 10 ids; the prefix gets the other 8 as well."""
    kept = budget(fim_format("starcoder"), "p" * 100, "cd", byte_level(special=FIM), 43)
    assert (kept.prefix, kept.suffix, kept.tokens) == ("p" * 38, "cd", 43)


def test_a_document_that_fits_exactly_is_untouched(byte_level):
    """The limit itself is allowed."""
    kept = budget(fim_format("starcoder"), "a" * 20, "b" * 20, byte_level(special=FIM), 43)
    assert (kept.prefix, kept.suffix, kept.truncated) == ("a" * 20, "b" * 20, False)


def test_merged_tokens_are_counted_not_bytes(byte_level):
    """More bytes than the budget, fewer ids: nothing is cut and the count is exact."""
    kept = budget(fim_format("starcoder"), " return" * 8, "", byte_level(special=FIM), 14)
    assert (kept.truncated, kept.tokens, kept.counted) == (False, 11, True)


def test_short_documents_are_not_tokenised(byte_level):
    """A document whose bytes fit needs no tokenizer; its count is an upper bound."""
    made = Counting(byte_level(special=FIM))
    fmt = fim_format("starcoder")
    budget(fmt, "a", "b", made, 100)
    made.calls = 0
    kept = budget(fmt, "def f(x):\n    return " * 5, "\nprint(x)\n" * 5, made, 4096)
    assert (made.calls, kept.truncated, kept.counted) == (0, False, False)
    assert len(render(fmt, kept.prefix, kept.suffix, tokenizer=made).ids) <= kept.tokens


def test_long_documents_are_tokenised_at_most_three_times_a_side(byte_level):
    """One count, one cut, at most one correction."""
    made = Counting(byte_level(special=FIM))
    fmt = fim_format("starcoder")
    budget(fmt, "a", "b", made, 100)
    made.calls = 0
    kept = budget(fmt, "    return fim\n" * 400, "def f(x):\n    return\n" * 400, made, 512)
    assert kept.truncated
    assert made.calls <= 6


@pytest.mark.parametrize("fmt", USABLE, ids=lambda fmt: fmt.id)
@pytest.mark.parametrize("order", [0, -1])
def test_rendered_ids_never_exceed_the_budget(byte_level, fmt, order):
    """In each family, for every budget from the least possible on: whole characters, right ends, exact count."""
    made = byte_level(special=fmt.control_tokens)
    chosen = fmt.orders[order]
    least = len(render(fmt, "", "", tokenizer=made, order=chosen, path="a.py").ids)
    for most in (least, least + 1, least + 2, least + 3, least + 17, least + 64, least + 200, 4096):
        kept = budget(fmt, LONG, LONG, made, most, order=chosen, path="a.py")
        ids = render(fmt, kept.prefix, kept.suffix, tokenizer=made, order=chosen, path="a.py").ids
        assert len(ids) <= most
        assert not kept.counted or len(ids) == kept.tokens
        assert LONG.endswith(kept.prefix)
        assert LONG.startswith(kept.suffix)
        assert kept.truncated == (len(kept.prefix) + len(kept.suffix) < 2 * len(LONG))


@pytest.mark.parametrize("most", [4, 5, 9, 20, 57, 120, 300])
def test_sentencepiece_budgets_count_the_leading_space(sentencepiece, most):
    """CodeLlama: the blank before the prefix costs an id and is counted."""
    made = sentencepiece(CODELLAMA)
    fmt = fim_format("codellama")
    kept = budget(fmt, LONG, LONG, made, most)
    ids = render(fmt, kept.prefix, kept.suffix, tokenizer=made).ids
    assert len(ids) == kept.tokens <= most
    assert LONG.endswith(kept.prefix)
    assert LONG.startswith(kept.suffix)


@pytest.mark.parametrize("most", [3, 4, 10, 43, 200])
def test_slow_tokenizers_are_cut_by_search(slow_bytes, most):
    """Without offsets the cut is found by trying; the limit holds and the room is used."""
    made = slow_bytes(FIM)
    fmt = fim_format("starcoder")
    kept = budget(fmt, LONG, LONG, made, most)
    ids = render(fmt, kept.prefix, kept.suffix, tokenizer=made).ids
    assert most - 8 <= len(ids) == kept.tokens <= most
    assert LONG.endswith(kept.prefix)
    assert LONG.startswith(kept.suffix)


def test_characters_of_several_ids_are_kept_whole_or_dropped(byte_level):
    """An emoji is four ids here; a budget of three leaves none of it, not a broken one."""
    kept = budget(fim_format("starcoder"), "😀" * 9, "", byte_level(special=FIM), 3 + 7)
    assert (kept.prefix, kept.tokens) == ("😀", 7)


def test_sentinels_are_never_cut(byte_level):
    """A budget below the sentinels is refused with the number that is needed."""
    with pytest.raises(ConfigError, match=r"A prompt of 2 tokens .* \(3 tokens\)"):
        budget(fim_format("starcoder"), "a", "b", byte_level(special=FIM), 2)
