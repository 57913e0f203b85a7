PYTHON ?= python3
BIN := .venv/bin

.PHONY: serve test install check

# Start the page on http://127.0.0.1:7860
serve: .venv/installed
	$(BIN)/footnote serve

# Everything that serving needs, and nothing more
install: .venv/installed

# One thread a process: several of two would wait for each other. Files in their order, the browser's first: by the
# number of tests, as xdist would have it, long ones are left to the end.
test: .venv/installed-tests
	OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# What is checked without running: lint, format, types, direction of imports
check: .venv/installed-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --editable .
	touch $@

.venv/installed-tests: pyproject.toml .venv/installed
	$(BIN)/python -m pip install --disable-pip-version-check --editable '.[test,dev]'
	touch $@
