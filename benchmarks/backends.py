"""What our backends cost over the bare library: CPU seconds of 500 prompts, in one run, alternating.

    python -m benchmarks.backends itax-hf MODEL_FOLDER
    python -m benchmarks.backends itax-vllm MODEL_FOLDER [ROUNDS]

Bare means `model.generate` (transformers) and `LLM.generate` (vLLM) on the same ids, in the same batches, with the same
stop ids, and one decode of each answer: the same work. vLLM by itself reads every token as text while it is generated,
which nothing of ours asks for; that is a third column, `as it comes`.

The prompts are cut into blocks. Of each block all ways are timed, one after the other, in changing order; the ratio of
two ways is taken within the block. Printed are the median of these ratios and its 95 % interval by order statistics,
which assumes nothing about their distribution. CPU seconds of this process, not wall time: the machine may be busy.
"""

from __future__ import annotations

import os

# Before any of the libraries is imported: one thread, whose CPU time does not depend on the neighbours, and vLLM's
# engine in this process, where its CPU time counts.
os.environ |= {"OMP_NUM_THREADS": "1", "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "TORCHDYNAMO_DISABLE": "1"}

import argparse
import gc
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from math import comb
from typing import Any

PROMPTS = 500
ROOM = 32
BATCH = 16
ROUNDS = {"itax-hf": 3, "itax-vllm": 12}
BLOCK = {"itax-hf": 2 * BATCH, "itax-vllm": 50}
UNTIL = ["<|endoftext|>", "<|fim_pad|>", "<|fim_middle|>"]

ARGUMENTS = {
    "itax-hf": "",
    "itax-vllm": ",enforce_eager=True,kv_cache_memory_bytes=67108864,max_num_seqs=64,max_model_len=512"
    # Else the second way would find the prompts of the first in the cache.
    ",enable_prefix_caching=False",
}

Way = Callable[[Any, list[Any]], list[str]]


def requests(tokenizer: Any) -> list[Any]:
    """Prompts of 20 to 60 ids in the order of their lengths, so that all ways form the same batches."""
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


def stop_ids(model: Any) -> list[int]:
    """The stops of the requests as ids, and the model's own end."""
    return sorted({model.tokenizer.eos_token_id, *(model.tokenizer.convert_tokens_to_ids(text) for text in UNTIL)})


def ours(model: Any, asked: list[Any]) -> list[str]:
    """Our class."""
    return [str(text) for text in model.generate_until(asked, disable_tqdm=True)]


def bare_hf(model: Any, asked: list[Any]) -> list[str]:
    """transformers alone."""
    import torch

    tokenizer, stops = model.tokenizer, stop_ids(model)
    pad = tokenizer.pad_token_id
    texts: list[str] = []
    for start in range(0, len(asked), BATCH):
        prompts = [request.itax_asked.ids for request in asked[start : start + BATCH]]
        width = max(map(len, prompts))
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
        texts += [tokenizer.decode(row, skip_special_tokens=False) for row in out[:, width:].tolist()]
    return texts


def bare_vllm(model: Any, asked: list[Any], *, as_it_comes: bool = False) -> list[str]:
    """vLLM alone."""
    from vllm import SamplingParams, TokensPrompt

    settings = SamplingParams(
        temperature=0,
        max_tokens=ROOM,
        stop_token_ids=stop_ids(model),
        skip_special_tokens=False,
        detokenize=as_it_comes,
    )
    prompts = [TokensPrompt(prompt_token_ids=request.itax_asked.ids) for request in asked]
    outputs = model.model.generate(prompts, settings, use_tqdm=False)
    if as_it_comes:
        return [output.outputs[0].text for output in outputs]
    return [model.tokenizer.decode(output.outputs[0].token_ids, skip_special_tokens=False) for output in outputs]


WAYS: dict[str, dict[str, Way]] = {
    "itax-hf": {"bare": bare_hf, "ours": ours},
    "itax-vllm": {
        "bare": bare_vllm,
        "ours": ours,
        "as it comes": lambda model, asked: bare_vllm(model, asked, as_it_comes=True),
    },
}


def load(backend: str, folder: str) -> Any:
    """The model, by lm-eval's own way."""
    import lm_eval.models  # noqa: F401  # registers the built-in models before ours
    from lm_eval.api.registry import get_model

    from itax_tasks.harness import discovery

    discovery.serve_models()
    return get_model(backend).create_from_arg_string(
        f"pretrained={folder},dtype=float32{ARGUMENTS[backend]}",
        {"batch_size": BATCH if backend == "itax-hf" else "auto", "device": "cpu"},
    )


def measure(model: Any, asked: list[Any], ways: dict[str, Way], block: int, rounds: int) -> list[dict[str, float]]:
    """CPU seconds by way, one row a block and round."""
    names = list(ways)
    rows = []
    gc.collect()
    gc.disable()  # a collection falls on whoever happens to run
    for turn in range(rounds):
        for place, start in enumerate(range(0, len(asked), block)):
            row = {}
            shift = (turn + place) % len(names)
            for name in (*names[shift:], *names[:shift]):
                gc.collect()
                began = time.process_time()
                ways[name](model, asked[start : start + block])
                row[name] = time.process_time() - began
            rows.append(row)
    gc.enable()
    return rows


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Median and its 95 % interval: the order statistics that hold it with at least that probability."""
    ordered, n = sorted(values), len(values)
    low = max((k for k in range(n // 2) if sum(comb(n, i) for i in range(k + 1)) / 2**n <= 0.025), default=0)
    return statistics.median(ordered), ordered[low], ordered[n - 1 - low]


def main() -> None:
    """Measure one backend and print a line a comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("backend", choices=sorted(ROUNDS))
    parser.add_argument("folder", metavar="MODEL_FOLDER")
    parser.add_argument("rounds", metavar="ROUNDS", type=int, nargs="?", help="by backend if unset")
    options = parser.parse_args()
    backend = options.backend
    rounds = options.rounds or ROUNDS[backend]
    model = load(backend, options.folder)
    asked = requests(model.tokenizer)
    ways = WAYS[backend]
    first = asked[: BLOCK[backend]]
    texts = {name: way(model, first) for name, way in ways.items()}
    # The same work: the answers of the bare library begin with ours, which end before the stop.
    assert all(bare.startswith(own) for bare, own in zip(texts["bare"], texts["ours"], strict=True))
    assert any(texts["ours"])
    rows = measure(model, asked, ways, BLOCK[backend], rounds)
    for name in ways:
        sys.stdout.write(f"{backend}: {name}: {sum(row[name] for row in rows):.2f} s CPU\n")
    for name in ways:
        if name == "ours":
            continue
        middle, low, high = (100 * (value - 1) for value in interval([row["ours"] / row[name] for row in rows]))
        whole = 100 * (sum(row["ours"] for row in rows) / sum(row[name] for row in rows) - 1)
        sys.stdout.write(
            f"{backend}: ours over {name}: median {middle:+.2f} % [{low:+.2f}, {high:+.2f}], "
            f"all together {whole:+.2f} % ({PROMPTS} prompts, {len(rows)} paired blocks)\n"
        )


if __name__ == "__main__":
    main()
