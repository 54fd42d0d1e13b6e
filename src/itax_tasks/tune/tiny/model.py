"""The model of the tiny pair: a Qwen2 of 0.9 million parameters, its files and their digest."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from itax_metrics.errors import DataError
from itax_tasks.tune.tiny.tokenizer import CONTEXT, VOCABULARY, Side, read_tokenizer, write_tokenizer_config

SHAPE: Mapping[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_act": "silu",
    "max_position_embeddings": CONTEXT,
    "initializer_range": 0.02,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "use_sliding_window": False,
    "attention_dropout": 0.0,
}

LOOK_BACK, LOOK_BACK_PLANES = 3.0, 6
"""Size of the biases of the head that looks back, and how many planes of it they fill: at the start half of its
attention lies on the token before."""


def new_model(seed: int, tokenizer_folder: Path) -> Any:
    """A Qwen2 with seeded random weights, in float32."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(seed)
    ids = _control_ids(tokenizer_folder)
    config = Qwen2Config(**SHAPE, bos_token_id=None, eos_token_id=ids["<|endoftext|>"])
    config.use_cache = False
    model = Qwen2ForCausalLM(config).float()
    _look_back(model)
    return model


def _look_back(model: Any) -> None:
    """Let one head of the first layer begin as one that looks at the token before.

    Copying a name needs such a head (Olsson et al. 2022, "In-context Learning and Induction Heads"). A run this short
    may never find it by itself, and whether it does is chance. Query and key are their biases alone, turned against
    each other by one position in the fastest planes of the rotary embedding.
    """
    import torch

    attention = model.model.layers[0].self_attn
    half = SHAPE["hidden_size"] // SHAPE["num_attention_heads"] // 2
    with torch.no_grad():
        for plane in range(LOOK_BACK_PLANES):
            angle = SHAPE["rope_theta"] ** (-plane / half)
            attention.k_proj.bias[plane] = LOOK_BACK
            attention.q_proj.bias[plane] = LOOK_BACK * math.cos(angle)
            attention.q_proj.bias[plane + half] = -LOOK_BACK * math.sin(angle)


def load_model(folder: Path) -> Any:
    """The model of a folder, in float32; read without the bars and warnings of `from_pretrained`."""
    from safetensors.torch import load_file
    from transformers import Qwen2Config, Qwen2ForCausalLM

    model = Qwen2ForCausalLM(Qwen2Config.from_pretrained(folder)).float()
    tensors = load_file(folder / "model.safetensors")
    missing, unexpected = model.load_state_dict(
        {name: tensor.float() for name, tensor in tensors.items()}, strict=False
    )
    if unexpected or missing != ["lm_head.weight"]:
        raise DataError(f"{folder / 'model.safetensors'} is not a model of the tiny pair: {missing} {unexpected}.")
    model.tie_weights()
    return model


def save_model(model: Any, folder: Path, side: Side, tokenizer_folder: Path) -> str:
    """Write weights in bfloat16 with tokenizer and configuration; returns the sha256 of the weights file.

    Equal weights give equal bytes: tensors in the order of their names, metadata fixed.
    """
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    if folder != tokenizer_folder:
        shutil.copyfile(tokenizer_folder / "tokenizer.json", folder / "tokenizer.json")
    write_tokenizer_config(folder, side)
    tensors = {
        name: tensor.detach().to(torch.bfloat16).contiguous()
        for name, tensor in sorted(model.state_dict().items())
        if name != "lm_head.weight"  # tied to the embedding
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    _write_configuration(folder, side)
    return digest(folder / "model.safetensors")


def digest(path: Path) -> str:
    """sha256 of a file, hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _write_configuration(folder: Path, side: Side) -> None:
    ids = _control_ids(folder)
    text_end, turn_end = ids["<|endoftext|>"], ids["<|im_end|>"]
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        **SHAPE,
        "bos_token_id": None,
        "eos_token_id": text_end if side == "base" else turn_end,
        "pad_token_id": text_end,
        "torch_dtype": "bfloat16",
        "use_cache": True,
    }
    generation = {
        "do_sample": False,
        "eos_token_id": [text_end] if side == "base" else [turn_end, text_end],
        "pad_token_id": text_end,
    }
    _write(folder / "config.json", config)
    _write(folder / "generation_config.json", generation)


def _control_ids(folder: Path) -> dict[str, int]:
    tokenizer = read_tokenizer(folder)
    return {token: tokenizer.token_to_id(token) for token in ("<|endoftext|>", "<|im_end|>")}


def _write(path: Path, fields: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(fields, indent=2) + "\n", "utf-8")
