"""Writes the folder of every module."""

from pathlib import Path

from itax_metrics.evaluate_modules import MODULES, path, source

for name in MODULES:
    folder = Path(path(name))
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.py").write_text(source(name), "utf-8")
