"""CodeLlama and Codestral from the item to the stored text: the two families that no string can prompt.

Tokenizers and models are built here, to the published shape: SentencePiece with byte fallback and a leading space, the
control pieces under their real ids, `<s>` first. The models are random; what is tested is what reaches `generate` and
what becomes of its ids.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the extra `hf` is not installed")

from lm_eval.tasks import TaskManager
from tests.sentencepiece_like import sentencepiece_like

from itax_tasks import task_path
from itax_tasks.benchmarks import hand
from itax_tasks.models.generation import Stops, facts_of
from itax_tasks.settings import Settings

ITEMS = {item.task_id: item for item in hand.load("infilling", Settings()).items}
ROOM = 24


@dataclass(frozen=True)
class Shape:
    """What is published of a family."""

    control: dict[str, int]
    before_prefix: tuple[int, ...]
    before_suffix: tuple[int, ...]
    at_the_end: tuple[int, ...]
    prefix_first: bool
    vocabulary: int
    first: int
    """Id of the first byte piece."""


SHAPES = {
    "codellama": Shape(
        {"▁<PRE>": 32007, "▁<SUF>": 32008, "▁<MID>": 32009, "▁<EOT>": 32010},
        (32007,),
        (32008,),
        (32009,),
        True,
        32016,
        3,
    ),
    "codestral": Shape({"[PREFIX]": 11, "[MIDDLE]": 12, "[SUFFIX]": 13}, (11,), (13,), (), False, 1400, 771),
}


@pytest.fixture(scope="module", params=list(SHAPES))
def family(request: pytest.FixtureRequest) -> str:
    """Its name."""
    return str(request.param)


@pytest.fixture(scope="module")
def checkpoint(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tokenizer and a random Llama whose likeliest tokens are pieces that the tokenizer has."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    shape, folder = SHAPES[family], tmp_path_factory.mktemp(family)
    tokenizer = sentencepiece_like(shape.control, first=shape.first)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
        bos_token_id=1,
        eos_token_id=2,
    )
    model = LlamaForCausalLM(config).float().eval()
    control = {0, 1, 2, *shape.control.values()}
    # Bytes that are no character by themselves are left out: decoders differ in what they make of half a character.
    halves = {tokenizer.convert_tokens_to_ids(f"<0x{byte:02X}>") for byte in range(0x80, 0x100)}
    pieces = sorted(set(tokenizer.get_vocab().values()) - control - halves)
    with torch.no_grad():
        kept = model.lm_head.weight[pieces].clone()
        model.lm_head.weight.zero_()
        model.lm_head.weight[pieces] = kept
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(checkpoint: Path) -> Any:
    """`--model itax-hf` on it."""
    from itax_tasks.models.hf import ItaxHF

    return ItaxHF.create_from_arg_string(f"pretrained={checkpoint},dtype=float32", {"batch_size": 4, "device": "cpu"})


def task(checkpoint: Path, **metadata: Any) -> Any:
    """The embedded infilling task as lm-eval builds it for this model, its requests made."""
    about = {"pretrained": str(checkpoint), **metadata}
    manager = TaskManager(include_path=task_path(), include_defaults=False, metadata=about)
    made = manager.load(["itax_hand_infilling"])["tasks"]["itax_hand_infilling"]
    made.set_config("generation_kwargs", {"max_gen_toks": ROOM}, update=True)
    made.build_all_requests()
    return made


def parts(family: str, ids: list[int]) -> tuple[list[int], list[int]]:
    """The ids of prefix and suffix in a prompt, which must hold the published control ids and no other."""
    shape = SHAPES[family]
    named = {0, 1, 2, *shape.control.values()}
    first, second = (
        (shape.before_prefix, shape.before_suffix) if shape.prefix_first else (shape.before_suffix, shape.before_prefix)
    )
    assert [1, *first, *second, *shape.at_the_end] == [token for token in ids if token in named]
    assert [1, *first] == ids[: 1 + len(first)]
    assert list(shape.at_the_end) == ids[len(ids) - len(shape.at_the_end) :]
    at = ids.index(second[0])
    one, other = ids[1 + len(first) : at], ids[at + 1 : len(ids) - len(shape.at_the_end)]
    return (one, other) if shape.prefix_first else (other, one)


def spelled(tokenizer: Any, ids: list[int]) -> str:
    """Ids as text, piece by piece by SentencePiece's own rule: byte pieces are bytes, U+2581 is a blank."""
    data = b""
    for piece in tokenizer.convert_ids_to_tokens(ids):
        byte = re.fullmatch(r"<0x(..)>", piece)
        data += bytes([int(byte[1], 16)]) if byte else piece.replace("▁", " ").encode()
    return data.decode("utf-8", "replace")


def test_the_tokenizer_alone_shows_the_family(family: str, checkpoint: Path, loaded: Any) -> None:
    """Nobody names the format; the pieces do."""
    assert family == task(checkpoint).config.metadata["itax"]["fim"]["id"]


def test_prompts_are_the_published_ids(family: str, checkpoint: Path, loaded: Any) -> None:
    """Control pieces by id, SentencePiece's blank before the prefix and none before the suffix, for every item."""
    encode = loaded.tokenizer.encode
    smiley = encode("☺", add_special_tokens=False)
    seen = 0
    for request in task(checkpoint).instances:
        item = ITEMS[request.doc["task_id"]]
        prefix, suffix = parts(family, list(request.itax_asked.ids))
        assert " " + item.prefix == spelled(loaded.tokenizer, prefix)
        # The vendors' rule: encode behind a smiley, drop the smiley's ids.
        assert encode("☺" + item.suffix, add_special_tokens=False)[len(smiley) :] == suffix
        if not item.prefix.startswith(" "):
            assert encode(item.prefix, add_special_tokens=False) == prefix
            seen += 1
    assert seen > 10


def test_long_documents_keep_their_control_pieces_and_the_code_at_the_hole(
    family: str, checkpoint: Path, loaded: Any
) -> None:
    """In a small context the end of the prefix and the beginning of the suffix stay, and the prompt fits."""
    context = 120
    made = task(checkpoint, max_length=context)
    cut = [request for request in made.instances if request.doc["truncated_prompt"]]
    assert len(cut) > 3
    for request in made.instances:
        assert len(request.itax_asked.ids) + ROOM <= context
    for request in cut:
        item, ids = ITEMS[request.doc["task_id"]], list(request.itax_asked.ids)
        prefix, suffix = (spelled(loaded.tokenizer, part) for part in parts(family, ids))
        assert item.prefix.endswith(prefix.removeprefix(" "))
        assert item.suffix.startswith(suffix)
        assert len(ids) > context - ROOM - 8


def test_what_was_rendered_reaches_generate_and_comes_back_as_text(
    family: str, checkpoint: Path, loaded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ids of the items are the rows of the batches; the stored text is that of the new ids, leading blank kept."""
    import torch

    requests = task(checkpoint).instances[:8]
    rows: list[tuple[list[int], list[int]]] = []
    generate = loaded.model.generate

    def spy(*, input_ids: torch.Tensor, attention_mask: torch.Tensor, **settings: Any) -> Any:
        out = generate(input_ids=input_ids, attention_mask=attention_mask, **settings)
        for given, mask, row in zip(input_ids.tolist(), attention_mask.tolist(), out.tolist(), strict=True):
            rows.append(([token for token, shown in zip(given, mask, strict=True) if shown], row[len(given) :]))
        return out

    monkeypatch.setattr(loaded.model, "generate", spy)
    answers = loaded.generate_until(requests, disable_tqdm=True)
    made = {tuple(prompt): new for prompt, new in rows}
    assert len(requests) == len(rows)
    for request, answer in zip(requests, answers, strict=True):
        new = made[tuple(request.itax_asked.ids)]
        facts = facts_of(answer)
        assert facts is not None
        assert (ROOM, "length", 0) == (facts["tokens"], facts["finish"], facts["leaks"])
        assert spelled(loaded.tokenizer, new) == answer


def test_an_answer_ends_at_the_end_piece_and_keeps_its_leading_blank(
    family: str, checkpoint: Path, loaded: Any
) -> None:
    """CodeLlama ends a middle with `▁<EOT>`, Codestral with `</s>`; neither leaves a trace in the text."""
    request = task(checkpoint).instances[0]
    stops = Stops(loaded.tokenizer, frozenset({2}), tuple(request.args[1]["until"]))
    body = loaded.tokenizer.encode("def f(a):", add_special_tokens=False)
    for end in (2, *(token for piece, token in SHAPES[family].control.items() if "EOT" in piece)):
        made = stops.generation([*body, end, *body])
        assert (" def f(a):", "stop", len(body) + 1) == (made, made.finish, made.tokens)
