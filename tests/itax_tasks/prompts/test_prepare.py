"""Items to prompts, by condition, for real tokenizers built in the test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="the extra `hf` is not installed")

from transformers import AutoTokenizer

from itax_metrics.errors import ConfigError
from itax_metrics.records import Item
from itax_tasks.fim import fim_format
from itax_tasks.prompts.prepare import prepare, room_for_answer
from itax_tasks.tasks import task

RAW, L2R, CHAT = task("itax_hand_infilling"), task("itax_hefim_l2r"), task("itax_hand_instruct")
ITEM = Item("one", "def add(a, b):\n", "\n\nprint(add(1, 2))\n")


@dataclass(frozen=True)
class Model:
    """A model as prompts see it."""

    tokenizer: Any | None
    name: str | None = "org/model"
    takes: str = "string"
    context: int | None = None
    served: bool = False


@pytest.fixture(scope="session")
def tokenizer(tiny_tokenizer: Path) -> Any:
    """Byte-level BPE with the Qwen FIM tokens."""
    return AutoTokenizer.from_pretrained(tiny_tokenizer)


def test_raw_prompts_render_the_detected_family(tokenizer: Any) -> None:
    """Sentinels, prefix and suffix stand in the family's order with nothing between them."""
    prompts = prepare(RAW, [ITEM], Model(tokenizer), {})
    assert (f"<|fim_prefix|>{ITEM.prefix}<|fim_suffix|>{ITEM.suffix}<|fim_middle|>",) == prompts.texts
    assert prompts.fim is not None
    assert ("PSM", "unknown", "detected") == tuple(prompts.fim[key] for key in ("order", "trained", "how"))


def test_a_named_order_is_used_or_refused(tokenizer: Any) -> None:
    """`fim_order` chooses among the orders of the family, and names them where it has no such one."""
    prompts = prepare(RAW, [ITEM], Model(tokenizer), {"fim": "qwen2.5-coder", "fim_order": "PSM"})
    assert prompts.fim is not None
    assert "PSM" == prompts.fim["order"]
    with pytest.raises(ConfigError, match="has no order 'SPM-a'"):
        prepare(RAW, [ITEM], Model(tokenizer), {"fim": "qwen2.5-coder", "fim_order": "SPM-a"})


REVERSED = Item("one", ITEM.prefix, ITEM.suffix, payload={"fim_order": "SPM-a"})


def test_an_order_of_the_protocol_s_is_used() -> None:
    """SAFIM's `reverse_infilling`: without a tokenizer too, and recorded."""
    prompts = prepare(RAW, [REVERSED], Model(None), {"fim": "starcoder"})
    assert (f"<fim_prefix><fim_suffix>{ITEM.suffix}<fim_middle>{ITEM.prefix}",) == prompts.texts
    assert prompts.fim is not None
    assert "SPM-a" == prompts.fim["order"]


def test_an_order_that_cannot_be_had_is_refused(tokenizer: Any) -> None:
    """By a family without it, beside another one that was named, and by a server with an order of its own."""
    with pytest.raises(ConfigError, match="has no order 'SPM-a'"):
        prepare(RAW, [REVERSED], Model(tokenizer), {})
    with pytest.raises(ConfigError, match="Name one of the two"):
        prepare(RAW, [REVERSED], Model(tokenizer), {"fim_order": "PSM"})
    with pytest.raises(ConfigError, match="keeps its own"):
        prepare(RAW, [REVERSED], Model(None, takes="native_suffix"), {})


def test_an_unknown_training_history_is_one_warning(tokenizer: Any) -> None:
    """A model that only carries the tokens runs with one warning."""
    assert 1 == len(prepare(RAW, [ITEM], Model(tokenizer), {}).warnings)


def test_a_known_model_runs_without_a_word(tokenizer: Any) -> None:
    """The official coder family is known to be trained."""
    prompts = prepare(RAW, [ITEM], Model(tokenizer, "Qwen/Qwen2.5-Coder-7B"), {})
    assert () == prompts.warnings
    assert prompts.fim is not None
    assert "yes" == prompts.fim["trained"]


def test_a_named_family_beats_detection(tokenizer: Any) -> None:
    """`fim` in the metadata decides, and the record says it was named."""
    prompts = prepare(RAW, [ITEM], Model(tokenizer), {"fim": "qwen2.5-coder"})
    assert prompts.fim is not None
    assert ("qwen2.5-coder", "named") == (prompts.fim["id"], prompts.fim["how"])


def test_a_named_family_whose_sentinels_the_tokenizer_lacks_is_refused(tokenizer: Any) -> None:
    """StarCoder text in a Qwen vocabulary would be spelled out letter by letter; that is an error."""
    with pytest.raises(ConfigError, match="fim_prefix"):
        prepare(RAW, [ITEM], Model(tokenizer), {"fim": "starcoder2"})


def test_a_family_that_needs_ids_is_refused_on_text_backends(tokenizer: Any) -> None:
    """CodeLlama's prompt cannot be sent as a string."""
    with pytest.raises(ConfigError, match="ids"):
        prepare(RAW, [ITEM], Model(tokenizer), {"fim": "codellama"})


def test_left_to_right_is_the_prefix_alone(tokenizer: Any) -> None:
    """`_l2r` shows the model no suffix and no sentinel, and still stops at the family's strings."""
    prompts = prepare(L2R, [ITEM], Model(tokenizer), {})
    assert (ITEM.prefix,) == prompts.texts
    assert "<|fim_prefix|>" in prompts.stops
    assert prompts.fim is None


def test_left_to_right_stops_where_the_named_family_stops(tokenizer: Any) -> None:
    """As its raw sibling does, whatever the tokenizer looks like: their difference is the use of the suffix."""
    raw = task("itax_hefim")
    for model in (Model(None), Model(tokenizer)):
        named = {"fim": "qwen2.5-coder"}
        assert prepare(raw, [ITEM], model, named).stops == prepare(L2R, [ITEM], model, named).stops
    other = prepare(L2R, [ITEM], Model(tokenizer), {"fim": "starcoder2"})
    assert fim_format("starcoder2").stops == other.stops[: len(fim_format("starcoder2").stops)]
    assert "starcoder2" == other.family


def test_a_named_family_that_does_not_exist_is_refused_left_to_right_too(tokenizer: Any) -> None:
    """A slip of the pen must not pass for the detected family."""
    with pytest.raises(ConfigError, match="starcoder9"):
        prepare(L2R, [ITEM], Model(tokenizer), {"fim": "starcoder9"})


def test_left_to_right_needs_no_family() -> None:
    """A model without FIM tokens, or no model at all, can still go left to right."""
    assert (ITEM.prefix,) == prepare(L2R, [ITEM], Model(None, None), {}).texts


def test_a_long_left_to_right_prompt_loses_its_head(tokenizer: Any) -> None:
    """What is next to the hole is kept, what fits is kept, and the cut is flagged."""
    long = Item("long", "x = 1\n" * 400 + "tail = 2\n")
    prompts = prepare(L2R, [long], Model(tokenizer, context=600), {})
    (text,) = prompts.texts
    assert text.endswith("tail = 2\n")
    assert len(tokenizer.encode(text)) <= 600 - 512
    assert (True,) == prompts.truncated
    assert 1 == len(prompts.warnings)


def test_a_long_document_keeps_prefix_tail_and_suffix_head_three_to_one(tokenizer: Any) -> None:
    """Cut documents keep all sentinels, the text around the hole, and about three parts prefix to one suffix."""
    long = Item("long", "before = 1\n" * 300, "after = 2\n" * 300)
    prompts = prepare(RAW, [long], Model(tokenizer, context=256 + 200), {})
    prefix, rest = prompts.texts[0].removeprefix("<|fim_prefix|>").split("<|fim_suffix|>")
    suffix = rest.removesuffix("<|fim_middle|>")
    assert long.prefix.endswith(prefix)
    assert long.suffix.startswith(suffix)
    assert len(tokenizer(prompts.texts[0])["input_ids"]) <= 200
    ratio = len(tokenizer.encode(prefix)) / len(tokenizer.encode(suffix))
    assert 2.5 < ratio < 3.5
    assert (True,) == prompts.truncated


def test_documents_that_hold_sentinel_text_are_counted_by_name(tokenizer: Any) -> None:
    """On text backends user code can spell a sentinel; the document is named, not altered."""
    item = Item("trap", 'token = "<|fim_middle|>"\n', "\n")
    prompts = prepare(RAW, [item, ITEM], Model(tokenizer, "Qwen/Qwen2.5-Coder-7B"), {})
    assert prompts.fim is not None
    assert ["trap"] == prompts.fim["holding_sentinels"]
    assert item.prefix in prompts.texts[0]


def test_a_replay_model_needs_no_family() -> None:
    """Where no prompt is read none is refused."""
    assert (ITEM.prefix,) == prepare(RAW, [ITEM], Model(None, None, takes="none"), {}).texts


def test_a_chat_task_speaks_in_the_tokenizer_s_own_template(tokenizer: Any) -> None:
    """One user turn, up to where the assistant begins."""
    prompts = prepare(CHAT, [Item("c", "Write add.")], Model(tokenizer), {})
    assert ("<|im_start|>user\nWrite add.<|im_end|>\n<|im_start|>assistant\n",) == prompts.texts


def test_a_named_chat_template_replaces_it(tokenizer: Any) -> None:
    """`chat: magicoder` is Magicoder's wording, whatever the tokenizer carries."""
    (text,) = prepare(CHAT, [Item("c", "Write add.")], Model(tokenizer), {"chat": "magicoder"}).texts
    assert text.endswith("\n\n@@ Instruction\nWrite add.\n\n@@ Response\n")


def test_a_chat_task_without_any_template_is_refused(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base tokenizer without a template is told the two ways out."""
    monkeypatch.setattr(tokenizer, "chat_template", None)
    with pytest.raises(ConfigError, match='"chat":"magicoder"'):
        prepare(CHAT, [Item("c", "Write add.")], Model(tokenizer), {})


def test_an_unknown_chat_template_is_refused(tokenizer: Any) -> None:
    """A misspelt template is an error, not a silent default."""
    with pytest.raises(ConfigError, match="alpaca"):
        prepare(CHAT, [Item("c", "Write add.")], Model(tokenizer), {"chat": "alpaca"})


def test_an_unknown_profile_is_refused() -> None:
    """Only `paper` is a profile."""
    with pytest.raises(ConfigError, match="profile"):
        room_for_answer(RAW, {"profile": "fast"}, "qwen2.5-coder")


@pytest.mark.parametrize(
    ("family", "language", "written"),
    [
        ("codegeex4", "cpp", "###LANGUAGE:C++\n"),
        ("codegeex4", "python", "###LANGUAGE:Python\n"),
        ("aixcoder-7b", "java", "// the code file is written by Java\n"),
    ],
)
def test_a_family_that_tells_the_language_tells_the_item_s(family: str, language: str, written: str) -> None:
    """SAFIM has four."""
    (text,) = prepare(RAW, [Item("one", "a", "b", language=language)], Model(None), {"fim": family}).texts
    assert written in text


def test_what_a_model_of_ids_reads_tells_the_language_too(tiny_tokenizer: Path) -> None:
    """In the plain form, in a conversation and after a cut; the room for code is counted with it."""
    said, sentinels = "###LANGUAGE:C#", fim_format("codegeex4").sentinels
    tokenizer = AutoTokenizer.from_pretrained(tiny_tokenizer)
    tokenizer.add_tokens([*sentinels, "<|user|>", "<|assistant|>"])
    tokenizer.chat_template = "{% for m in messages %}<|user|>{{ m['content'] }}<|assistant|>{% endfor %}"
    item = Item("one", "x = 1\n" * 300, "y = 2\n" * 300, language="csharp")
    for spec in (RAW, task("itax_safim_fimchat")):
        made = prepare(spec, [item], Model(tokenizer, takes="ids", context=700), {"fim": "codegeex4"}, max_gen_toks=100)
        assert made.ask is not None
        ids = made.ask(0).ids
        assert ids is not None
        assert (True, True) == (said in tokenizer.decode(ids), made.truncated[0])
        assert 590 <= len(ids) <= 600
