# make train     an environment, and a first model on real folk tunes: a few minutes, nothing to download but packages
# make test      lint, types and tests
# make coverage  the tests again, and which lines they never reach: twice as long
# make results   trains and judges all that configs/results_plan.yaml names, and writes docs/results.md: hours
PYTHON ?= python3

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

# Threads that wait must sleep, not spin: see scripts/train.py.
export OMP_WAIT_POLICY ?= passive

PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -q -n auto --dist loadfile -m "not network and not gpu"

.PHONY: train test coverage results clean

train: $(STAMP)
	$(BIN)/python scripts/train.py experiment=first_run

test: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(PYTEST)

coverage: $(STAMP)
	$(PYTEST) --cov --cov-report=term:skip-covered

results: $(STAMP)
	$(BIN)/python scripts/results.py

clean:
	rm -rf $(VENV) .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache src/*.egg-info

# Made anew when the dependencies change.
$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@
