"""Ask a scripted checkpoint through one backend: `python -m tests.scripted_run BACKEND FOLDER BATCH` prints JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from tests.scripted_model import SCRIPTS

STOPS = ["<|endoftext|>", "<|im_end|>", "<|fim_pad|>", "<|fim_middle|>", "\nclass Other"]
ROOM = 40

ARGUMENTS = {
    "hf": "dtype=float32",
    "itax-hf": "dtype=float32",
    "itax-vllm": "dtype=float32,enforce_eager=True,kv_cache_memory_bytes=67108864,max_num_seqs=8,max_model_len=512",
}


def requests(tokenizer: Any) -> list[Any]:
    """One request a script, its prompt as text and as ids."""
    from lm_eval.api.instance import Instance

    from itax_tasks.prompts.asked import ATTRIBUTE, Asked

    made = []
    for number, key in enumerate(SCRIPTS):
        # Prompts of different lengths, so that batches are padded.
        text = "a" * (3 * number) + f"#{key}#"
        settings = {"until": STOPS, "max_gen_toks": ROOM, "do_sample": False, "temperature": 0.0}
        request = Instance("generate_until", {"task_id": key}, (text, settings), 0)
        setattr(request, ATTRIBUTE, Asked(key, text, "", tokenizer.encode(text, add_special_tokens=False)))
        made.append(request)
    return made


def answers(backend: str, folder: str, batch: int) -> list[dict[str, Any]]:
    """Text and facts of every answer, seconds left out."""
    import lm_eval.models  # noqa: F401  # registers the built-in models before ours
    from lm_eval.api.registry import get_model

    from itax_tasks.harness import discovery
    from itax_tasks.models.generation import facts_of

    discovery.serve_models()
    model = get_model(backend).create_from_arg_string(
        f"pretrained={folder},{ARGUMENTS[backend]}", {"batch_size": batch, "device": "cpu"}
    )
    found = model.generate_until(requests(model.tokenizer), disable_tqdm=True)
    rows = []
    for text in found:
        facts = facts_of(text) or {}
        seconds = facts.pop("seconds", None)
        rows.append({"text": str(text), **facts, "timed": seconds is not None and seconds > 0})
    return rows


if __name__ == "__main__":
    backend, folder, batch = sys.argv[1:]
    sys.stdout.write("\n" + json.dumps(answers(backend, folder, int(batch))) + "\n")
