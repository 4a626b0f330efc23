# Two commands to begin with: `make demo` and `make test`. `make help` lists them all.

SHELL := /bin/sh
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
WORKERS ?= 2
CRON ?= 0 2 * * *
PORT ?= 4200

# The newest Python that the pinned packages have wheels for and that can make an environment.
# `make PYTHON=/path/to/python demo` takes another one.
PYTHONS := python3.14 python3.13 python3.12 python3.11 python3 python
PYTHON ?= $(shell for name in $(PYTHONS); do \
	"$$name" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
		>/dev/null 2>&1 && { command -v "$$name"; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help demo student retrain serve install test lint format types contracts tests suite long bench bench-smoke bench-gpu growth faults docs clean

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: install ## Run the whole pipeline on the embedded dataset and print the table of results.
	@test -f params.yaml || wsdkd profile use scenes
	dvc repro
	@wsdkd show

retrain: $(VENV)/.installed-flow ## Run the Prefect flow once: all stages, then promotion, then sharing.
	python -m flows.retrain

# Without exec, make would tell a shell to end, and what that has started would go on. A make that is killed
# tells nobody: the process looks after it by itself.
serve: $(VENV)/.installed-flow ## Start a Prefect server, and retraining at two every night (UTC).
	exec python -m flows.schedule --server --port $(PORT) --cron "$(CRON)" --with-parent $$PPID

student: install ## Train the student from a shared cache of the teacher; fetch it where it is trained.
	dvc repro --pull code
	dvc repro --pull --allow-missing distill_predictions
	@test -d models/student || dvc pull distill_predictions 2>/dev/null || { \
		echo "Nobody has pushed the student that dvc.lock names: training it here."; \
		dvc pull prepare cache_teacher && dvc repro --force --single-item distill_features && \
		dvc repro --force --single-item distill_predictions; }

install: $(VENV)/.installed ## Make .venv with exactly the pinned packages and the project.

$(VENV)/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 to 3.14 with the venv module found" \
		"(looked for: $(PYTHONS)); install one, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@test -x $(VENV)/bin/python || { echo "Making $(VENV) with $(PYTHON)"; "$(PYTHON)" -m venv $(VENV); }
	$(VENV)/bin/python -m pip install -r requirements.lock
	$(VENV)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-flow: requirements-flow.lock $(VENV)/.installed
	$(VENV)/bin/python -m pip install -r requirements-flow.lock
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed-flow
	$(VENV)/bin/python -m pip install -r requirements-dev.lock
	@touch $@

test: lint types contracts tests ## All checks: lint, format, types, import contracts, tests.

lint: $(VENV)/.installed-dev ## Look for defects and for code that is not formatted.
	ruff check
	ruff format --check

format: $(VENV)/.installed-dev ## Rewrite the code in the house's format.
	ruff check --fix-only --quiet
	ruff format

types: $(VENV)/.installed-dev ## Check the types.
	mypy

contracts: $(VENV)/.installed-dev ## Check that imports run downward only.
	lint-imports

tests: $(VENV)/.installed-dev ## Run the tests.
	OMP_NUM_THREADS=1 pytest -n $(WORKERS)

long: $(VENV)/.installed-dev ## Run the long tests: flows on a real server, remotes and clones.
	OMP_NUM_THREADS=1 pytest -n $(WORKERS) -m long

suite: $(VENV)/.installed-dev ## Train all variants of the comparison, tiny, and check what comes of it: some minutes.
	OMP_NUM_THREADS=1 pytest -n0 -m long tests/benchmarks/test_ablation_suite.py

bench: $(VENV)/.installed-dev ## Hold every stage's speed against its limit; leave the machine alone meanwhile.
	python -m benchmarks.bench

bench-smoke: $(VENV)/.installed-dev ## The same, tiny: shows that it runs, and its numbers mean nothing.
	python -m benchmarks.bench --smoke

bench-gpu: $(VENV)/.installed-dev ## On a GPU: speeds against what the card can do, and whether it is right; docs/gpu.md.
	python -m benchmarks.gpu

growth: $(VENV)/.installed-dev ## Measure time and memory of every stage against size; leave the machine alone.
	python -m benchmarks.growth

faults: $(VENV)/.installed-dev ## Break files, kill, starve, do all twice: hours; see docs/reliability.md.
	python -m benchmarks.faults

docs: $(VENV)/.installed-dev ## Make a site of the documents, which opens from the disk.
	NO_MKDOCS_2_WARNING=1 mkdocs build --quiet
	@echo "build/site/index.html (search needs a server: python -m http.server -d build/site)"

clean: ## Remove the environment and all caches of tools; what the pipeline made stays.
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find flows stages wsdkd tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
