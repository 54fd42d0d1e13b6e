"""The settings of one run: `ITAX_*` variables, or the same keys in `--metadata`, never the terminal.

`--metadata '{"time_scale": 2}'` beats `ITAX_TIME_SCALE=2`, because it stands in the results file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import platformdirs

from itax_metrics.errors import ConfigError

SandboxPolicy = Literal["require", "prefer", "off"]

VERSIONED = ("bigcodebench", "humaneval", "mbpp")
"""The benchmarks whose official data have several versions."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "safim_mode": ("infilling", "reverse_infilling", "left_to_right", "prefix_feeding", "instructed", "fewshot"),
    "safim_shortcut": ("on", "off"),
    "safim_python": ("pypy", "cpython"),
    "safim_languages": (),
}
"""What single benchmarks let the user choose, with the values allowed; no values: the benchmark checks them itself."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What may differ between two machines that run the same task."""

    data_dir: Path | None = None
    """A folder with the official benchmark files; None: the user cache, then the official origin."""
    state_dir: Path = Path()
    """Journals of raw responses, the verdict cache, fetched data."""
    sandbox: SandboxPolicy = "require"
    time_scale: float = 1.0
    """Multiplies every wall limit; recorded, and two runs must agree on it to be compared."""
    executor: Literal["local", "ray"] = "local"
    """local: this machine; ray: every node of the cluster that Ray finds."""
    workers: int | None = None
    data_version: str | None = None
    """Another official version of the data: one for all tasks that have several (`v0.1.9`), or one for each benchmark
    (`humaneval=v0.1.9,mbpp=v0.1.0`); None: each task's own."""
    options: tuple[tuple[str, str], ...] = ()
    """The choices of `OPTIONS` that were made, as (name, value)."""
    behaviors: tuple[str, ...] = ("core",)
    """Behaviour measures by name; `core`, `all` and `none` are sets of them."""

    def option(self, name: str, default: str) -> str:
        """The choice made of one of `OPTIONS`."""
        return dict(self.options).get(name, default)

    def with_options(self, recorded: Mapping[str, str]) -> Settings:
        """The same settings with choices of an earlier run where none is made now."""
        known = {name: str(value) for name, value in recorded.items() if name in OPTIONS}
        return replace(self, options=tuple(sorted({**known, **dict(self.options)}.items())))

    @property
    def cache_dir(self) -> Path:
        """Where `itax data fetch` keeps the official files."""
        return self.state_dir / "data"

    def version_of(self, benchmark: str, own: str, known: Iterable[str]) -> str:
        """The version of a benchmark's data to read.

        Args:
            benchmark: the family of the task, such as `humaneval`.
            own: the version the task reads unless told otherwise.
            known: all versions there are.

        Raises:
            ConfigError: a version that does not exist.
        """
        if self.data_version is None:
            return own
        named = _named(self.data_version)
        asked = named.get(benchmark, own) if named else self.data_version
        if asked not in known:
            raise ConfigError(
                f"data_version is {self.data_version!r}, and {benchmark} has {', '.join(known)}. Name one of them, or "
                f"one for each benchmark, such as {benchmark}={own}."
            )
        return asked

    def require_version_of(self, benchmarks: Iterable[str]) -> None:
        """Refuse a data version that none of these benchmarks would read: asked for on purpose, it would be ignored.

        Raises:
            ConfigError: names the benchmarks that have versions.
        """
        if self.data_version is None:
            return
        asked = list(dict.fromkeys(benchmarks))
        meant = list(_named(self.data_version)) or VERSIONED
        if not set(asked) & set(meant) & set(VERSIONED):
            several = [name for name in asked if name in VERSIONED]
            raise ConfigError(
                f"data_version is {self.data_version!r}, and "
                + (
                    f"names no version of {', '.join(several)}. Name it, such as {several[0]}=VERSION."
                    if several
                    else f"the data of {', '.join(asked)} have one version. Leave it out; {', '.join(VERSIONED)} have "
                    "several."
                )
            )

    def record(self) -> dict[str, Any]:
        """The settings as they are written into results: no paths of this machine, only what moves a score."""
        kept = asdict(self)
        for other in ("data_dir", "state_dir", "behaviors"):
            kept.pop(other)
        return {**kept, "options": dict(self.options)}


def read_settings(metadata: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings, metadata first, then the environment, then the defaults.

    Args:
        metadata: what lm-eval hands to a task (`--model_args` merged with `--metadata`).
        environ: defaults to the process environment.

    Raises:
        ConfigError: a value that is not one of those allowed, naming the setting and where it came from.
    """
    given = dict(metadata or {})
    env = os.environ if environ is None else environ

    def pick(key: str) -> tuple[str | None, str]:
        if given.get(key) is not None:
            return str(given[key]), f'--metadata "{key}"'
        name = f"ITAX_{key.upper()}"
        return (env.get(name) or None), name

    data_dir, source = pick("data_dir")
    if data_dir and not Path(data_dir).expanduser().is_dir():
        raise ConfigError(
            f"{source} names {data_dir}, which is not a folder. Point it at the official benchmark files."
        )
    state_dir, _ = pick("state_dir")
    sandbox, source = pick("sandbox")
    if sandbox not in (None, "require", "prefer", "off"):
        raise ConfigError(f"{source} is {sandbox!r}; it must be require, prefer or off.")
    executor, source = pick("executor")
    if executor not in (None, "local", "ray"):
        raise ConfigError(f"{source} is {executor!r}; it must be local or ray.")
    return Settings(
        data_dir=Path(data_dir).expanduser() if data_dir else None,
        state_dir=Path(state_dir).expanduser() if state_dir else default_state_dir(),
        sandbox=cast(SandboxPolicy, sandbox or "require"),
        time_scale=_positive_float(*pick("time_scale"), default=1.0),
        executor="ray" if executor == "ray" else "local",
        workers=_positive_int(*pick("workers")),
        data_version=_versions(*pick("data_version")),
        options=tuple(_options(pick)),
        behaviors=_names(given.get("behaviors"), env.get("ITAX_BEHAVIORS")) or ("core",),
    )


def _options(pick: Callable[[str], tuple[str | None, str]]) -> Iterator[tuple[str, str]]:
    for name, allowed in sorted(OPTIONS.items()):
        value, source = pick(name)
        if value is None:
            continue
        if allowed and value not in allowed:
            raise ConfigError(f"{source} is {value!r}; it must be {' or '.join(allowed)}.")
        yield name, value


def default_state_dir() -> Path:
    """The user's cache folder for itax, by the platform's own convention."""
    return Path(platformdirs.user_cache_dir("itax", appauthor=False))


def _names(given: Any, variable: str | None) -> tuple[str, ...]:
    """Names from a list or from text with commas."""
    listed = (
        given if isinstance(given, (list, tuple)) else str(given if given is not None else variable or "").split(",")
    )
    return tuple(name for name in (str(entry).strip() for entry in listed) if name)


def _positive_float(text: str | None, source: str, *, default: float) -> float:
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value < 1e6:
        raise ConfigError(f"{source} is {text!r}; it must be a positive number, such as 2.0 on a machine half as fast.")
    return value


def _positive_int(text: str | None, source: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        raise ConfigError(f"{source} is {text!r}; it must be a whole number of at least 1.")
    return int(text)


def _versions(text: str | None, source: str) -> str | None:
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if len(parts) > 1 and not all("=" in part for part in parts):
        raise ConfigError(f"{source} is {text!r}; name one version, or benchmark=version pairs with commas.")
    unknown = [name for name in _named(",".join(parts)) if name not in VERSIONED]
    if unknown:
        raise ConfigError(
            f"{source} is {text!r}; {unknown[0]!r} is no benchmark with several versions: {', '.join(VERSIONED)}."
        )
    return ",".join(parts) or None


def _named(versions: str) -> dict[str, str]:
    """Benchmark to version, of benchmark=version pairs; empty for a version without a benchmark."""
    return dict(part.split("=", 1) for part in versions.split(",") if "=" in part)
