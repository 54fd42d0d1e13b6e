"""From the settings of a run to the executor that runs its programs."""

from __future__ import annotations

from itax_metrics.execution import LocalExecutor, VerdictCache
from itax_metrics.execution.ray import RayExecutor
from itax_tasks.settings import Settings


def make_executor(
    settings: Settings, *, share: int = 1, progress: str | bool = False, use_cache: bool = True
) -> LocalExecutor | RayExecutor:
    """The executor the settings ask for.

    Args:
        settings: executor, sandbox policy, workers, and where caches and environments live.
        share: processes on this machine that execute at the same time; each takes its part of workers and free memory.
        progress: label of the progress bar on standard error, or False.
        use_cache: read and keep verdicts, so that an interrupted run goes on where it stopped.

    Raises:
        MissingExtraError: Ray is asked for and not installed.
    """
    cache = settings.state_dir / "verdicts.sqlite3"
    artifacts, environments_folder = settings.state_dir / "compiled", settings.state_dir.absolute() / "envs"
    if settings.executor == "ray":
        return RayExecutor(
            workers=settings.workers,
            policy=settings.sandbox,
            cache=cache if use_cache else None,
            artifacts=artifacts,
            environments_folder=environments_folder,
            progress=progress,
            share=share,
        )
    return LocalExecutor(
        workers=None if settings.workers is None else max(1, settings.workers // max(1, share)),
        policy=settings.sandbox,
        cache=VerdictCache(cache) if use_cache else None,
        artifacts=artifacts,
        environments_folder=environments_folder,
        progress=progress,
        share=share,
    )
