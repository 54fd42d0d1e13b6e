"""Call lm-eval from itax commands: the same program as `lm_eval run`, in this process."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from itax_metrics.errors import ConfigError
from itax_tasks.harness import discovery
from itax_tasks.models import presence
from itax_tasks.paths import task_path
from itax_tasks.tasks import TASKS, did_you_mean, groups


@dataclass(frozen=True, slots=True)
class Asked:
    """An lm-eval command line, as lm-eval itself understands it."""

    config: Any
    """lm-eval's own `EvaluatorConfig`, validated."""
    tasks: tuple[str, ...]
    """The names that were asked for, as typed."""
    ours: tuple[str, ...]
    """The itax tasks and groups among them."""
    leaves: tuple[str, ...]
    """The itax tasks they stand for, one as often as it is named."""


def typed(arguments: Sequence[str]) -> dict[str, Any]:
    """What the command line and its --config say, before lm-eval checks that they agree."""
    said = {key: value for key, value in vars(_command_line(arguments)[1]).items() if value is not None}
    if said.get("config") and Path(said["config"]).is_file():
        written = yaml.safe_load(Path(said["config"]).read_text("utf-8"))
        said = {
            **(written if isinstance(written, dict) else {}),
            **{key: value for key, value in said.items() if value},
        }
    return said


def parse(arguments: Sequence[str]) -> Asked:
    """Parse `lm_eval run` arguments with lm-eval's own parser; exits as lm-eval does on a wrong option.

    Raises:
        ConfigError: an option whose value lm-eval cannot read, such as broken JSON.
    """
    from lm_eval.config.evaluate_config import EvaluatorConfig
    from lm_eval.tasks import TaskManager

    namespace = _command_line(arguments)[1]
    try:
        config = EvaluatorConfig.from_cli(namespace)
    except (ValueError, OSError) as error:
        raise _refused(error) from None
    names = config.tasks.split(",") if isinstance(config.tasks, str) else list(config.tasks)
    asked = tuple(name for entry in names for name in str(entry).split(","))
    manager = TaskManager(include_path=task_path(), include_defaults=False)
    ours = tuple(name for name in asked if manager.match_tasks([name]))
    return Asked(config, asked, ours, tuple(_opened(manager, ours)))


def refuse_unknown(asked: Asked) -> None:
    """Look for the model's and the tasks' names where lm-eval will look for them.

    Raises:
        ConfigError: a name that lm-eval does not know, with the nearest ones.
    """
    import lm_eval.models  # noqa: F401  # registers the built-in models before ours
    from lm_eval.api.registry import model_registry
    from lm_eval.tasks import TaskManager

    discovery.serve_models()
    models = list(model_registry.keys())
    if isinstance(asked.config.model, str) and asked.config.model not in models:
        near = difflib.get_close_matches(asked.config.model, models, n=3)
        hint = f"Did you mean {', '.join(near)}?" if near else f"Models: {', '.join(sorted(models))}."
        raise ConfigError(f"lm_eval has no --model {asked.config.model!r}. {hint}")
    # lm-eval also takes YAML files, folders of them and patterns.
    others = [name for name in asked.tasks if name not in asked.ours and "/" not in name and not Path(name).exists()]
    others = [name for name in others if not name.endswith(".yaml")]
    if not others:
        return
    manager = TaskManager(include_path=asked.config.include_path)
    unknown = [name for name in others if not manager.match_tasks([name])]
    if unknown:
        known = dict.fromkeys((*TASKS, *groups(), *manager.all_tasks))
        raise ConfigError(f"There is no task or group {unknown[0]!r}.{did_you_mean(unknown[0], known)}")


def leaves(names: Sequence[str]) -> list[str]:
    """The itax tasks behind names of tasks and groups.

    Raises:
        ConfigError: a name that no itax task or group has.
    """
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=task_path(), include_defaults=False)
    unknown = [name for name in names if not manager.match_tasks([name])]
    if unknown:
        raise ConfigError(
            f"There is no itax task or group {unknown[0]!r}.{did_you_mean(unknown[0], [*TASKS, *groups()])}"
        )
    return _opened(manager, names)


def _opened(manager: Any, names: Sequence[str]) -> list[str]:
    matched = [match for name in names for match in manager.match_tasks([name])]
    return [leaf for match in matched for leaf in _leaves(manager, match)]


def _leaves(manager: Any, name: str) -> list[str]:
    """The tasks of a group, the groups within it included; a task stands for itself."""
    if name in TASKS:
        return [name]
    members = yaml.safe_load(Path(manager.task_index[name].yaml_path).read_text("utf-8"))["task"]
    return [leaf for member in members for leaf in _leaves(manager, member)]


def build(names: Sequence[str], metadata: dict[str, Any], *, backend: str | None = None) -> dict[str, Any]:
    """Build itax tasks by name, with everything that checks: data, prompts, FIM family, context.

    Args:
        names: itax tasks.
        metadata: model arguments and `--metadata`.
        backend: the lm-eval model that will be loaded; ours take more than strings.
    """
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=task_path(), include_defaults=False, metadata=metadata)
    name = metadata.get("pretrained") or metadata.get("model")
    with presence.expecting(str(name) if name else None, discovery.TAKES.get(backend or "")):
        tasks: dict[str, Any] = manager.load(list(names))["tasks"]
    return tasks


def run_lm_eval(arguments: Sequence[str], *, only_ours: bool) -> None:
    """Run lm-eval with these arguments.

    Args:
        arguments: as typed after `lm_eval run`.
        only_ours: index our task folder alone, because no other task is asked for.
    """
    import lm_eval.models  # noqa: F401  # registers the built-in models before ours
    import lm_eval.tasks.manager as manager
    from lm_eval.utils import setup_logging

    discovery.serve_tasks(manager)
    discovery.serve_models()
    setup_logging()
    with discovery.only_itax_tasks() if only_ours else nullcontext():
        cli, namespace = _command_line(arguments)
        cli.execute(namespace)


def _command_line(arguments: Sequence[str]) -> tuple[Any, Any]:
    from lm_eval._cli import HarnessCLI

    cli = HarnessCLI()
    before, sys.argv = sys.argv, ["lm_eval", "run", *arguments]
    try:
        return cli, cli.parse_args()
    except ValueError as error:  # broken JSON gets past argparse, which would name the option and exit
        raise _refused(error) from None
    finally:
        sys.argv = before


def _refused(error: Exception) -> ConfigError:
    remedy = (
        """Options that take JSON want double quotes inside and single quotes outside: '{"fim":"starcoder2"}'."""
        if "JSON" in str(error)
        else "`lm_eval run --help` shows the options."
    )
    return ConfigError(f"lm_eval cannot read its options: {str(error).rstrip('.')}. {remedy}")
