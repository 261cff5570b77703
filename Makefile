# make train     install what training needs in .venv, and train a first model on folk tunes: a few minutes, no data to download
# make quick     lint, types, the fast unit tests and the examples in docstrings
# make test      lint, types and all tests
# make coverage  all tests, with the lines they do not reach: twice as long
# make floors    the unit tests with the oldest versions that pyproject.toml allows, in an environment of its own
# make docs      build the documentation in site/
# make results   train and evaluate all models of configs/results_plan.yaml, and write docs/results.md: hours
# make bench     measure the speed of this version against an earlier one: a few minutes, in a clone with its history
# make clean     remove the environment and everything that the tools wrote
#
# constraints.txt chooses the version of torch. For a CPU build on Linux, set PIP_EXTRA_INDEX_URL to PyTorch's CPU index
# (docs/installation.md).
PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
FLOORS_VENV := .venv-floors
# One stamp for each level of installation: training needs no tools of developers.
TRAINING := $(VENV)/training
DEVELOPMENT := $(VENV)/development

# Waiting threads sleep: spinning ones slow a busy machine down tenfold.
export OMP_WAIT_POLICY ?= passive

INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# Processes take whole files in the order of tests/conftest.py, the slowest first.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -q -n auto --dist loadfile --no-loadscope-reorder

.PHONY: train quick test coverage floors docs results bench clean lint

train: $(TRAINING)
	$(BIN)/chromasonic train experiment=first_run

lint: $(DEVELOPMENT)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

quick: lint
	$(PYTEST) -m "not slow and not network and not gpu" tests/unit tests/test_architecture.py src

test: lint
	$(PYTEST) -m "not network and not gpu"

coverage: $(DEVELOPMENT)
	$(PYTEST) -m "not network and not gpu" --cov --cov-report=term:skip-covered

# FLOORS="--except torch" takes the torch of constraints.txt, where the index has its oldest version only with CUDA.
floors:
	$(PYTHON) -m venv --clear $(FLOORS_VENV)
	$(PYTHON) tools/floors.py $(FLOORS) >$(FLOORS_VENV)/floors.txt
	$(if $(findstring torch,$(FLOORS)),grep '^torch==' constraints.txt >>$(FLOORS_VENV)/floors.txt)
	$(FLOORS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check \
	    --constraint $(FLOORS_VENV)/floors.txt --editable '.[test]'
	OMP_NUM_THREADS=1 $(FLOORS_VENV)/bin/pytest -q -n auto --dist loadfile --no-loadscope-reorder \
	    -W ignore::DeprecationWarning -m "not network and not gpu" tests/unit src

docs: $(DEVELOPMENT)
	$(BIN)/python tools/write_docs.py
	$(BIN)/zensical build --clean --strict

results: $(TRAINING)
	$(BIN)/chromasonic results readme=README.md

# Each program prints a table. One thread, so that a second process of a machine does not matter.
bench: $(TRAINING)
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/training_step.py

clean:
	rm -rf $(VENV) $(FLOORS_VENV) .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist htmlcov site

$(TRAINING): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable .
	touch $@

$(DEVELOPMENT): $(TRAINING)
	$(INSTALL) --editable '.[dev,docs]'
	touch $@
