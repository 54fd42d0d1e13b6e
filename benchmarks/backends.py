"""What our backends cost over the bare library: CPU seconds of 500 prompts, in one run, alternating.

    python -m benchmarks.backends itax-hf MODEL_FOLDER
    python -m benchmarks.backends itax-vllm MODEL_FOLDER

Bare means `model.generate` (transformers) and `LLM.generate` (vLLM) on the same ids, in the same batches, with the same
stop ids, and one decode of each answer. CPU seconds of this process, not wall time: the machine may be busy.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

PROMPTS = 500
ROOM = 32
BATCH = 16
ROUNDS = 3
UNTIL = ["<|endoftext|>", "<|fim_pad|>", "<|fim_middle|>"]


def requests(tokenizer: Any) -> list[Any]:
    """Prompts of 20 to 60 ids in the order of their lengths, so that both sides form the same batches."""
    from lm_eval.api.instance import Instance

    from itax_tasks.prompts.asked import ATTRIBUTE, Asked

    draw = random.Random(0)
    ordinary = [number for number in range(len(tokenizer)) if number not in tokenizer.all_special_ids]
    made = []
    for number in range(PROMPTS):
        ids = [draw.choice(ordinary[:250]) for _ in range(draw.randint(20, 60))]
        settings = {"until": UNTIL, "max_gen_toks": ROOM, "do_sample": False, "temperature": 0.0}
        request = Instance("generate_until", {"task_id": str(number)}, (f"{number:06d}", settings), number)
        setattr(request, ATTRIBUTE, Asked(str(number), "", "", ids))
        made.append(request)
    return sorted(made, key=lambda request: (-len(request.itax_asked.ids), request.args[0]))


def bare_hf(model: Any, asked: list[Any]) -> None:
    """transformers alone."""
    import torch

    tokenizer = model.tokenizer
    stops = [tokenizer.convert_tokens_to_ids(text) for text in UNTIL]
    for start in range(0, len(asked), BATCH):
        prompts = [request.itax_asked.ids for request in asked[start : start + BATCH]]
        width = max(map(len, prompts))
        pad = tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        out = model.model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=ROOM,
            do_sample=False,
            eos_token_id=stops,
            pad_token_id=pad,
        )
        tokenizer.batch_decode(out[:, width:], skip_special_tokens=False)


def bare_vllm(model: Any, asked: list[Any]) -> None:
    """vLLM alone."""
    from vllm import SamplingParams, TokensPrompt

    stops = [model.tokenizer.convert_tokens_to_ids(text) for text in UNTIL]
    settings = SamplingParams(temperature=0, max_tokens=ROOM, stop_token_ids=stops, skip_special_tokens=False)
    model.model.generate(
        [TokensPrompt(prompt_token_ids=request.itax_asked.ids) for request in asked], settings, use_tqdm=False
    )


def main() -> None:
    """Measure one backend and print a line a round, and the median ratio."""
    backend, folder = sys.argv[1:]
    import lm_eval.models  # noqa: F401  # registers the built-in models before ours
    from lm_eval.api.registry import get_model

    from itax_tasks.harness import discovery

    discovery.serve_models()
    more = {
        "itax-hf": "",
        "itax-vllm": ",enforce_eager=True,kv_cache_memory_bytes=67108864,max_num_seqs=64,max_model_len=512",
    }[backend]
    model = get_model(backend).create_from_arg_string(
        f"pretrained={folder},dtype=float32{more}",
        {"batch_size": BATCH if backend == "itax-hf" else "auto", "device": "cpu"},
    )
    asked = requests(model.tokenizer)
    bare = bare_hf if backend == "itax-hf" else bare_vllm

    def cpu(run: Callable[[], Any]) -> float:
        began = time.process_time()
        run()
        return time.process_time() - began

    small = asked[:BATCH]
    bare(model, small)
    model.generate_until(small, disable_tqdm=True)
    ratios = []
    for number in range(ROUNDS):
        # Whoever goes first in a round goes second in the next.
        if number % 2:
            ours = cpu(lambda: model.generate_until(asked, disable_tqdm=True))
            alone = cpu(lambda: bare(model, asked))
        else:
            alone = cpu(lambda: bare(model, asked))
            ours = cpu(lambda: model.generate_until(asked, disable_tqdm=True))
        ratios.append(ours / alone)
        sys.stdout.write(f"{backend}: bare {alone:.2f} s, ours {ours:.2f} s CPU, {100 * (ours / alone - 1):+.2f} %\n")
        sys.stdout.flush()
    sys.stdout.write(f"{backend}: {PROMPTS} prompts, median {100 * (statistics.median(ratios) - 1):+.2f} %\n")


if __name__ == "__main__":
    main()
