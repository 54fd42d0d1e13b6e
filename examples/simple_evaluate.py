"""Use the itax tasks inside another program: lm-eval's `simple_evaluate` with our task folder.

    python examples/simple_evaluate.py MODEL [TASK ...]

The metadata tell our tasks which model it is, so that they find its FIM format; lm-eval passes them on
by itself only on its command line.
"""

from __future__ import annotations

import sys

from lm_eval import simple_evaluate
from lm_eval.tasks import TaskManager

import itax_tasks


def evaluate(model: str, tasks: list[str], **options: object) -> dict[str, dict[str, float]]:
    """Metric values by task; `options` go to `simple_evaluate` (device, batch_size, limit, ...)."""
    arguments = {"pretrained": model}
    manager = TaskManager(include_path=itax_tasks.task_path(), include_defaults=False, metadata=arguments)
    results = simple_evaluate(
        model="hf",
        model_args=arguments,
        tasks=tasks,
        task_manager=manager,
        confirm_run_unsafe_code=True,
        **options,
    )
    return {
        task: {key: value for key, value in row.items() if isinstance(value, float)}
        for task, row in results["results"].items()
    }


if __name__ == "__main__":
    for name, values in evaluate(sys.argv[1], sys.argv[2:] or ["itax_hand_infilling"]).items():
        print(name, values)
