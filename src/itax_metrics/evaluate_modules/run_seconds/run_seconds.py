"""run_seconds as a module of Hugging Face evaluate. Written by `python -m itax_metrics.evaluate_modules`."""

from itax_metrics.evaluate_modules import module

Measure = module("run_seconds")
