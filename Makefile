# Two commands matter on a fresh machine: `make demo` and `make test`. Each does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
export HF_HUB_OFFLINE ?= 1

.PHONY: demo test check test-data test-vllm test-packaging bench labels format clean

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

test-packaging: $(VENV)/.dev
	$(BIN)/python -m pytest -m packaging

# vLLM on CPU lives in its own environment; see docs/development.md.
test-vllm: $(VENV)/.dev $(VENV)-vllm/.installed
	$(BIN)/python -m pytest -m vllm

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.execution

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

$(VENV)-vllm/.installed: pyproject.toml
	$(PYTHON) tests/vllm/make_environment.py $(VENV)-vllm
	touch $@

clean:
	rm -rf $(VENV) $(VENV)-vllm build dist demo_output
