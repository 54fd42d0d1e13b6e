"""A 'scripted' checkpoint: its attention adds nothing, so the next token is a fixed successor of the last one.

What a backend returns can then be read off the script: leaked control tokens, text after the stop, indentation, CRLF,
characters outside ASCII. Each line of a script is one added token; the first is the end of the prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.tiny_model import CHAT_TEMPLATE, CHAT_TOKENS, FIM_TOKENS

EOS, PAD, TURN = "<|endoftext|>", "<|fim_pad|>", "<|im_end|>"
MIDDLE = "<|fim_middle|>"

SCRIPTS: Mapping[str, Sequence[str]] = {
    # key: the last piece of the prefix; the family's middle sentinel follows it in the prompt and hands it on.
    "leak": ("    x = 1\n", PAD, "AFTER", "AFTER2", "AFTER3", "AFTER4", "AFTER5", "AFTER6"),
    "turn": ("    y = 2\n", TURN, "AFTER7", "AFTER8"),
    "crlf": ("\t\tz = 3\r\n", "    \r\n", EOS, "AFTER9"),
    "accents": ("    \u00e9t\u00e9 = '\u4e16\u754c \U0001f600'\n", EOS),
    "long": (*(f"n{number} " for number in range(24)), EOS),
    "class": ("    pass\n", "\nclass", " Other:", " AFTER10"),
}
"""What follows each key; pieces that stand in several scripts must have one successor."""


def make_scripted(folder: Path, *, special: bool = False, context: int = 512) -> Path:
    """Write tokenizer, configuration and weights (fp32); `special` marks the FIM tokens as special."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=list(CHAT_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator(["def f(a):\n    return a\n"], trainer)
    core.add_tokens([AddedToken(token, special=special, normalized=False) for token in FIM_TOKENS])
    keys = [f"#{key}#" for key in SCRIPTS]
    pieces = [piece for script in SCRIPTS.values() for piece in script]
    known = {*CHAT_TOKENS, *FIM_TOKENS}
    core.add_tokens(
        [AddedToken(piece, special=False, normalized=False) for piece in (*keys, *pieces) if piece not in known]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token=EOS,
        pad_token=EOS,
        model_max_length=context,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(folder)

    def token(piece: str) -> int:
        return int(fast.convert_tokens_to_ids(piece))

    size, width = len(fast), 512
    after = {number: number for number in range(size)}
    for key, script in zip(keys, SCRIPTS.values(), strict=True):
        for one, next_one in zip((key, *script), script, strict=False):
            after[token(one)] = token(next_one)
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=size,
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=1,
        max_position_embeddings=context,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
    )
    model = Qwen2ForCausalLM(config).float().eval()
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        table = torch.nn.functional.normalize(torch.randn(size, width), dim=1)
        model.model.embed_tokens.weight.copy_(table)
        head = torch.zeros(size, width)
        for one, next_one in after.items():
            head[next_one] += table[one]
        model.lm_head.weight.copy_(head * 5)
    model.generation_config = GenerationConfig(eos_token_id=fast.eos_token_id, pad_token_id=fast.pad_token_id)
    model.save_pretrained(folder)
    return folder
