# Two commands matter on a fresh machine: `make demo` and `make test`. Each does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
export HF_HUB_OFFLINE ?= 1

.PHONY: demo test check test-data test-ray test-vllm test-packaging bench labels format clean

demo: $(VENV)/.hf
	$(BIN)/itax demo

test: check
	$(BIN)/python -m pytest -n auto --dist loadgroup -m "not data and not vllm"

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Whole official files through the real tasks: every canonical answer, the recorded answers, the controls.
test-data: $(VENV)/.dev
	$(BIN)/python -m pytest -m data

# The cluster of two nodes is made on this machine and needs no network.
test-ray: $(VENV)/.ray
	$(BIN)/python -m pytest tests/itax_metrics/execution/test_ray.py

test-packaging: $(VENV)/.dev
	$(BIN)/python -m pytest -m packaging

# vLLM on CPU lives in its own environment; see docs/development.md.
test-vllm: $(VENV)/.dev $(VENV)-vllm/.installed
	$(BIN)/python -m pytest -m vllm

# The figures of docs/execution.md, each ratio in one run with what it is compared with; SAFIM's published answers, and
# its control with one operator of each flipped; the hostile programs, as the user at hand and as an ordinary one.
# An hour at most on two free cores.
# Beside an official scorer only where it is importable, else without it and saying so:
#   human_eval_infilling  clone openai/human-eval-infilling, take the comment sign off its exec line as its README says,
#                         and run `make bench PYTHONPATH=CLONE`
#   evalplus 0.3.1        `make bench EVALPLUS_PYTHON=VENV/bin/python`, an environment with evalplus==0.3.1 and itax
#   g++, javac, mcs, mono, pypy3  Debian packages g++, default-jdk-headless, mono-mcs, mono-runtime, pypy3
#   ray                   `.venv/bin/pip install -e ".[ray]"`, which `make test-ray` does too
EVALPLUS_PYTHON ?= $(BIN)/python
bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.execution
	$(EVALPLUS_PYTHON) -m benchmarks.calls
	-$(BIN)/python -m benchmarks.languages --workers 1
	-for language in python pypy; do \
		$(BIN)/python -m benchmarks.safim_truths --workers 1 --language $$language; done
	-for language in cpp java csharp; do \
		$(BIN)/python -m benchmarks.safim_truths --workers 1 --sample 400 --language $$language; done
	-$(BIN)/python -m benchmarks.safim_controls --workers 1 --language pypy --flipped
	-for language in cpp java csharp; do \
		$(BIN)/python -m benchmarks.safim_controls --workers 1 --sample 400 --language $$language --flipped; done
	$(BIN)/python -m benchmarks.kill_scorer
	$(BIN)/python -m pytest tests/attack/test_hostile.py

# The YAML files of task_yamls/ from the table of tasks.
labels: $(VENV)/.dev
	$(BIN)/python -m itax_tasks.labels

format: $(VENV)/.dev
	$(BIN)/ruff check --fix . && $(BIN)/ruff format .

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

SETUP := pyproject.toml constraints.txt $(wildcard src/itax_tasks/_autoload/*)

# The bundled pair runs on torch; constraints.txt names the release whose CPU build is small.
$(VENV)/.hf: $(VENV)/bin/python $(SETUP)
	$(PIP) -e ".[hf]"
	touch $@

$(VENV)/.dev: $(VENV)/bin/python $(SETUP)
	$(PIP) -e ".[dev]"
	touch $@ $(VENV)/.hf

$(VENV)/.ray: $(VENV)/.dev
	$(PIP) -e ".[dev,ray]"
	touch $@

$(VENV)-vllm/.installed: pyproject.toml
	$(PYTHON) tests/vllm/make_environment.py $(VENV)-vllm
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-vllm build dist demo_output
