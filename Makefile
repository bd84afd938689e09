# Two commands matter: `make demo` and `make test`. Each sets up everything that it needs in .venv.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
# Most of a test is waiting: more of them beside each other than there are processors.
JOBS   ?= 4
PIP    := $(BIN)/python -m pip --disable-pip-version-check -qq

.PHONY: demo test quick real check crash faults soak pictures bench forecast install format lock cover clean help
.DEFAULT_GOAL := help

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/run: requirements/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("balance-monitor needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": run make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@echo "Setting up $(VENV) (about half a minute, once) …"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements/run.txt
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/dev: $(VENV)/run requirements/dev.txt
	@echo "Installing the test tools …"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

# As users have it: what the benchmark measures. No library of the tests, and bytecode of everything.
$(VENV)-bench/run: requirements/run.txt pyproject.toml $(shell find monitor -name '*.py')
	@$(PYTHON) -m venv $(VENV)-bench
	@$(VENV)-bench/bin/python -m pip --disable-pip-version-check -qq install --require-hashes -r requirements/run.txt
	@$(VENV)-bench/bin/python -m pip --disable-pip-version-check -qq install --no-build-isolation --no-deps --force-reinstall .
	@touch $@

demo: $(VENV)/run ## the whole daemon against the bundled simulated API, a story of half a minute
	@$(BIN)/balance-monitor demo --once

test: $(VENV)/dev ## all tests, with the coverage gates
	$(BIN)/python -m tests.gate -n $(JOBS) --dist worksteal

quick: $(VENV)/dev ## the tests without the slow proofs (ONLY=tests/test_store.py for some of them)
	$(BIN)/pytest -q -n $(JOBS) --dist worksteal -m "not slow and not real" $(ONLY)

real: $(VENV)/dev ## systemd, the image and receivers for real (root, Debian; ONLY=tests/real/test_docker.py for some of it)
	$(BIN)/pytest -m real $(or $(ONLY),tests/real)

check: $(VENV)/dev ## style, types, import directions, the Dockerfile
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/hadolint Dockerfile

crash: $(VENV)/dev ## kill the daemon at every moment; ARGS="--kills 1000 --seed 7"
	PYTHONPATH=tests $(BIN)/python -m crash $(ARGS)

faults: $(VENV)/dev ## channels that fail in every way beside one that is well (five minutes; ARGS="matrix" for a part)
	@PYTHONPATH=tests $(BIN)/python -m faults $(ARGS)

soak: $(VENV)/dev ## 200,000 polls in sped-up time: what grows? ARGS="--polls 1000000"
	PYTHONPATH=tests $(BIN)/python -m soak $(ARGS)

pictures: $(VENV)/dev ## the README's pictures anew (needs the font DejaVu Sans Mono, and chromium)
	@PYTHONPATH=tests $(BIN)/python -m screenshots
	@PYTHONPATH=tests $(BIN)/python -m photos

bench: $(VENV)/dev $(VENV)-bench/run ## what it costs, in figures of one run (a quarter of an hour; ONLY=a,e for some of them)
	@AS_INSTALLED=$(CURDIR)/$(VENV)-bench/bin/python PYTHONPATH=tests $(BIN)/python -m bench $(ONLY)

forecast: $(VENV)/dev ## how well the runway is foretold, over 420 traces (a minute); ARGS="--traces 840 --seed 7"
	@PYTHONPATH=tests $(BIN)/python -m forecast $(ARGS)

install: ## install it as a systemd service (as root; see docs/systemd.md)
	@systemd/install

format: $(VENV)/dev ## put the style right
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## make the lock files anew (needs uv)
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
	  --custom-compile-command "make lock" --group build pyproject.toml -o requirements/run.txt
	uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
	  --custom-compile-command "make lock" --group build --group dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt

clean: ## remove what the commands above made
	rm -rf $(VENV) $(VENV)-bench .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache
