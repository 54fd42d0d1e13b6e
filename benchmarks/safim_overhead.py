"""CPU time of SAFIM's 17,720 rows around generation and execution, beside lm-eval's own work on as many rows.

    python -m benchmarks.safim_overhead

Published answers are replayed three times, each in a fresh process: through a plain lm-eval task with the same prompts
and an exact match (lm-eval's own work), through `itax_safim --predict_only`, and through `itax_safim` in full, where
the equality shortcut leaves 29 programs to execute. Printed are the CPU seconds of task build and of `evaluate`. Needs
ITAX_DATA_DIR.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PLAIN = """task: plain_rows
dataset_path: json
dataset_kwargs:
  data_files: {{test: {rows}}}
output_type: generate_until
test_split: test
doc_to_text: "{{{{prompt}}}}"
doc_to_target: "{{{{truth}}}}"
target_delimiter: ""
generation_kwargs: {{until: ["<|endoftext|>"], do_sample: false, max_gen_toks: 512}}
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
"""


def one(variant: str, folder: Path) -> dict[str, Any]:
    """One run, in this process: CPU seconds of task build and of `evaluate`, its children's included."""
    import lm_eval.models  # noqa: F401
    from lm_eval.evaluator import evaluate
    from lm_eval.tasks import TaskManager, get_task_dict

    from benchmarks.safim_truths import cpu_seconds
    from itax_tasks.models.replay import ReplayLM
    from itax_tasks.paths import task_path

    model = ReplayLM(completions=str(folder / "answers.jsonl"))
    name = "plain_rows" if variant == "plain" else "itax_safim"
    path = str(folder) if variant == "plain" else str(task_path())
    manager = TaskManager(
        include_path=path, include_defaults=False, metadata={"completions": str(folder / "answers.jsonl")}
    )
    start = cpu_seconds()
    task = get_task_dict([name], manager)[name]
    if variant == "predict_only":
        task.override_metric(metric_name="bypass")
    built = cpu_seconds()
    found = evaluate(model, {name: task}, confirm_run_unsafe_code=True, log_samples=True)
    done = cpu_seconds()
    shown = {key: value for key, value in found["results"][name].items() if isinstance(value, float)}
    return {"build": built - start, "evaluate": done - built, "results": shown}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--one", choices=("plain", "predict_only", "full"))
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.one is not None:
        print(json.dumps(one(options.one, options.folder)))
        return
    from itax_tasks.settings import read_settings
    from itax_tasks.tasks import task

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows, answers = folder / "rows.jsonl", folder / "answers.jsonl"
        with rows.open("w", encoding="utf-8") as first, answers.open("w", encoding="utf-8") as second:
            for item in task("itax_safim").load(read_settings()).items:
                first.write(json.dumps({"task_id": item.task_id, "prompt": item.prefix, "truth": item.truth}) + "\n")
                second.write(json.dumps({"task_id": item.task_id, "completion": item.truth}) + "\n")
        (folder / "plain_rows.yaml").write_text(PLAIN.format(rows=rows), encoding="utf-8")
        base = 0.0
        for variant in ("plain", "predict_only", "full"):
            command = [sys.executable, "-m", "benchmarks.safim_overhead", "--one", variant, "--folder", scratch]
            start = time.perf_counter()
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise SystemExit(done.stderr[-2000:])
            found = json.loads(done.stdout.strip().splitlines()[-1])
            used = found["build"] + found["evaluate"]
            base = base or used
            print(
                f"{variant:13} build {found['build']:6.2f}, evaluate {found['evaluate']:6.2f} CPU s; beyond lm-eval's "
                f"own {used - base:6.2f} = {(used - base) / base:5.2f}x   ({time.perf_counter() - start:.0f} s wall)"
            )
            print(f"              {found['results']}")


if __name__ == "__main__":
    main()
