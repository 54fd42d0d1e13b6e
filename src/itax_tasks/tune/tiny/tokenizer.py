"""The tokenizer of the tiny pair: byte-level BPE of 1024 pieces, Qwen's pattern and nine of its control tokens.

As in Qwen's own files the fill-in-the-middle tokens are added but not `special`, so that decoding keeps them.
The files are written field by field, so that releases of transformers from 4.48 on read the same tokenizer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from itax_tasks.tune.tiny.chat_data import stage_1, stage_2
from itax_tasks.tune.tiny.documents import document
from itax_tasks.tune.tiny.draws import Draws

Side = Literal["base", "instruct"]

VOCABULARY = 1024
CHAT_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
FIM_TOKENS = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>")
CONTROL_TOKENS = (*CHAT_TOKENS, *FIM_TOKENS)
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Source: `pre_tokenizer` of Qwen/Qwen2.5-Coder's tokenizer.json."""
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
CONTEXT = 1024
CORPUS_SEED = 1_000_003
CORPUS_DOCUMENTS = 6000


def train_tokenizer(folder: Path) -> None:
    """Write `tokenizer.json`, the same bytes every time: the corpus does not depend on the seed of a training run."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(CONTROL_TOKENS),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CHAT_TOKENS])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in FIM_TOKENS])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))


def write_tokenizer_config(folder: Path, side: Side) -> None:
    """Write `tokenizer_config.json`; a base model ends at `<|endoftext|>`, an instruct model at `<|im_end|>`."""
    fields = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "<|endoftext|>" if side == "base" else "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "bos_token": None,
        "unk_token": None,
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": False,
        "model_max_length": CONTEXT,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(fields, indent=2) + "\n", "utf-8")


def read_tokenizer(folder: Path) -> Any:
    """The bare `tokenizers.Tokenizer` of a folder."""
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(folder / "tokenizer.json"))


def _corpus() -> Iterator[str]:
    """Text of every kind the two models see, without control tokens."""
    draws = Draws(CORPUS_SEED)
    for _ in range(CORPUS_DOCUMENTS):
        for example in (document(draws), document(draws), stage_1(draws, 0.0), stage_2(draws, 0.0)):
            text = example.text
            for token in CONTROL_TOKENS:
                text = text.replace(token, "\n")
            yield text
