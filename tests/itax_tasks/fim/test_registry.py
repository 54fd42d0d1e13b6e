"""The registry: complete, sourced, byte-exact."""

from __future__ import annotations

import re

import pytest

from itax_metrics.errors import ConfigError
from itax_tasks.fim import fim_format, load_formats

USABLE = [fmt for fmt in load_formats().values() if fmt.template is not None]


def test_there_are_29_entries_and_25_of_them_usable():
    """Every family of the survey is there, in its order; four of them have no usable format."""
    formats = load_formats()
    assert len(formats) == 29
    assert next(iter(formats)) == "qwen2.5-coder"
    without = [fmt.id for fmt in formats.values() if fmt.template is None]
    assert without == ["yi-coder", "mamba-codestral", "deepseek-coder-v2-236b", "codellama-34b/python"]


def test_every_entry_names_its_sources():
    """No line of the registry stands without provenance."""
    for fmt in load_formats().values():
        assert fmt.status in ("V", "V2"), fmt.id
        assert fmt.sources, fmt.id
        assert all(fmt.sources), fmt.id
        assert fmt.trained in ("yes", "no", "unknown"), fmt.id
        assert fmt.sentinels, fmt.id


def test_only_families_without_a_format_are_untrained():
    """`trained = no` and a missing template go together, and such an entry says whose tokens it carries."""
    for fmt in load_formats().values():
        assert (fmt.trained == "no") == (fmt.template is None) == (fmt.carries is not None), fmt.id
        if fmt.carries is not None:
            assert fim_format(fmt.carries).template is not None


def test_every_order_holds_prefix_and_suffix_once():
    """A template that lost a part or doubled it cannot be loaded unnoticed."""
    for fmt in USABLE:
        for order in fmt.orders:
            for template in (fmt.text_template(order), fmt.id_template(order)):
                assert (template.count("{P}"), template.count("{S}")) == (1, 1), (fmt.id, order)


def test_order_names_say_which_part_comes_first():
    """PSM has the prefix first, every SPM the suffix; in SPM-b the suffix token stands first."""
    for fmt in USABLE:
        for order in fmt.orders:
            template = fmt.text_template(order)
            prefix_first = template.index("{P}") < template.index("{S}")
            assert prefix_first == (order in ("PSM", "causal-mask")), (fmt.id, order)
            if order.startswith("SPM-b"):
                assert template.index(fmt.sentinels[1]) < template.index(fmt.sentinels[0]), fmt.id


def test_sentinels_stand_in_the_default_template():
    """What `sentinels` lists is what the prompt uses."""
    for fmt in USABLE:
        assert all(token in fmt.id_template() for token in fmt.sentinels), fmt.id


def test_templates_have_no_stray_token():
    """Everything in angle or square brackets inside a template is declared as a token of the family."""
    for fmt in USABLE:
        for order in fmt.orders:
            found = re.findall(r"▁?<[^<>{}\n]+>|\[[A-Z]+\]", fmt.id_template(order))
            assert set(found) <= set(fmt.control_tokens), (fmt.id, order)


def test_deepseek_uses_full_width_bars_and_lower_eighth_blocks():
    """The look-alike characters are U+FF5C and U+2581, byte for byte."""
    begin = fim_format("deepseek-coder").sentinels[0]
    assert begin.encode() == b"<\xef\xbd\x9cfim\xe2\x96\x81begin\xef\xbd\x9c>"
    assert fim_format("codellama").sentinels[0].encode() == b"\xe2\x96\x81<PRE>"


@pytest.mark.parametrize(
    ("family", "template"),
    [
        ("qwen2.5-coder", "<|fim_prefix|>{P}<|fim_suffix|>{S}<|fim_middle|>"),
        ("deepseek-coder", "<｜fim▁begin｜>{P}<｜fim▁hole｜>{S}<｜fim▁end｜>"),
        ("starcoder2", "<fim_prefix>{P}<fim_suffix>{S}<fim_middle>"),
        ("santacoder", "<fim-prefix>{P}<fim-suffix>{S}<fim-middle>"),
        ("codellama", "<PRE> {P} <SUF>{S} <MID>"),
        ("codestral", "[SUFFIX]{S}[PREFIX]{P}"),
        ("seed-coder", "<[fim-suffix]>{S}<[fim-prefix]>{P}<[fim-middle]>"),
        ("incoder", "{P}<|mask:0|>{S}<|mask:1|><|mask:0|>"),
        ("codegen2", "{P}<mask_1>{S}<|endoftext|><sep><mask_1>"),
        ("mellum", "<filename>{path}\n<fim_suffix>{S}<fim_prefix>{P}<fim_middle>"),
    ],
)
def test_default_templates_are_the_published_ones(family: str, template: str):
    """The templates vendors document, character for character."""
    assert template == fim_format(family).template


def test_families_that_need_ids_are_codellama_and_codestral():
    """Only for these two no string tokenises to the right prompt everywhere."""
    assert [fmt.id for fmt in USABLE if fmt.needs_ids] == ["codellama", "codestral"]


def test_codegen2_is_never_cut_on_the_token_inside_its_own_prompt():
    """`<|endoftext|>` stands in CodeGen2's prompt and is no stop of it."""
    assert fim_format("codegen2").stops == ("<eom>",)


def test_deepseek_does_not_stop_on_a_comment():
    """`//` is Python's floor division; a registry that stops there cuts legal code."""
    assert not any("//" in stop for fmt in USABLE for stop in fmt.stops)


def test_official_names_match_one_family_each():
    """Two entries never claim the same model."""
    names = ("Qwen/Qwen2.5-Coder-7B", "Qwen/Qwen3-Coder-30B-A3B-Instruct", "deepseek-ai/deepseek-coder-6.7b-base")
    for name in names:
        claims = [f.id for f in USABLE if any(re.fullmatch(pattern, name, re.IGNORECASE) for pattern in f.official)]
        assert len(claims) == 1, name


def test_unknown_family_names_the_nearest():
    """A typing error is answered with what was probably meant."""
    with pytest.raises(ConfigError, match=r"Did you mean starcoder.*itax fim list"):
        fim_format("starcodr")


def test_unknown_order_names_the_known_ones():
    """`SPM` alone is ambiguous and refused with the names that exist."""
    with pytest.raises(ConfigError, match="Known orders: PSM, SPM-a"):
        fim_format("starcoder2").text_template("SPM")


def test_family_without_format_says_whose_tokens_to_name():
    """Yi-Coder has no format of its own; the message names the one its tokens come from."""
    with pytest.raises(ConfigError, match='"fim":"starcoder"'):
        fim_format("yi-coder").text_template()
