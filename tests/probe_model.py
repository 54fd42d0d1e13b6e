"""A small model trained in one FIM order, for the probe: what it answers shows only in the suffix."""

from __future__ import annotations

import random
from typing import Any

from itax_tasks.fim.holes import Hole
from itax_tasks.fim.probe import candidates

NAMES = "abcdefgh"
SENTINELS = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
END = "<|endoftext|>"
STEPS = 240


def document(draw: random.Random) -> Hole:
    """One name before the hole, one after it; the middle repeats the second one, which only the suffix shows, and the
    first. No word says which name is which: only the order of the sentinels does."""
    one, other = draw.choice(NAMES), draw.choice(NAMES).upper()
    return Hole(f"{one}=", f"{other};", f"{other}{one}")


def make_tokenizer() -> Any:
    """Bytes as tokens, and the sentinels of StarCoder."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={symbol: place for place, symbol in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_tokens([AddedToken(token, special=False, normalized=False) for token in SENTINELS])
    core.add_special_tokens([END])
    return PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token=END, pad_token=END, clean_up_tokenization_spaces=False
    )


def train(tokenizer: Any, order: str) -> Any:
    """A model of two layers that saw half of its documents in that order and half left to right."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    torch.set_num_threads(1)  # on a busy machine several threads wait for each other
    draw = random.Random(0)
    (chosen,) = [candidate for candidate in candidates(tokenizer) if candidate.order == order]
    config = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,  # 32 wide: vLLM takes no narrower ones
        num_key_value_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        initializer_range=0.1,  # with the usual 0.02 so small a model takes thousands of steps to look at the suffix
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = Qwen2ForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)

    def plain(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False))

    for step in range(STEPS):
        holes = [document(draw) for _ in range(32)]
        if step % 2:
            rows = [(plain(hole.prefix), plain(hole.middle)) for hole in holes]
        else:
            rows = [(chosen.layout.ids(hole.prefix, hole.suffix), plain(hole.middle)) for hole in holes]
        ids = torch.tensor([prompt + middle for prompt, middle in rows])
        loss = model(input_ids=ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()
