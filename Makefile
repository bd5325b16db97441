# Every target does its own set-up: Python 3.11 and make are all that a machine needs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST_ARGS ?=

# Tests and the demo run small models, for which more threads than cores only cost time.
export TOKENIZERS_PARALLELISM := false
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: demo test check bench clean demo-model setup

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) not found; install Python 3.11 or name one with make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --editable '.[dev,peft]'
	@touch $(STAMP)

demo: $(STAMP)  ## the main job on the embedded model, a table at the end
	$(BIN)/lnbench demo

test: $(STAMP)  ## all tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(STAMP)  ## what must hold before a commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(STAMP)  ## speed, as ratios of both sides in one process
	$(BIN)/python -m benchmarks

demo-model: $(STAMP)  ## train the planted positive control again (about 20 minutes on two idle cores)
	$(BIN)/python -m scripts.demo_model.train

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
