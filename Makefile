## Partywall: each target needs nothing typed before it, and does nothing twice.
##
##   make setup   .venv with the exact versions of constraints.txt
##   make demo    the leak attempt, without the wall and with it (ARGS='--json --seed 7')
##   make test    every test, with coverage (test-peers: with servers and frameworks of others, in .peers)
##                (test-models: models of injections through transformers, on Debian's torch, in .peers)
##                (test-versions: the guard, on the lowest and newest libraries, in .versions)
##   make check   format, lint, types, imports, dependencies, docs (no tests)
##   make ni      non-interference, N worlds (N=2000)
##   make streams replies streamed in N random chunkings, broken off anywhere (ARGS='--seed 7 --json')
##   make faults  random turns while databases and receivers fail, N of them (ARGS='--store postgres --kill')
##   make bench   the budgets, each beside its peer (bench-channels: what guard adds to a message)
##                (bench-peers: detection beside peers in environments of their own; PEERS=llm-guard for one more)
##   make docs    the documentation's links, and the next entry of the changelog
##   make clean   away with everything that can be made again

PYTHON ?= python3
JOBS ?= 2
N ?= 2000
PEERS ?=
ARGS ?=

BIN := .venv/bin
TORCH := /usr/lib/python3/dist-packages
CODE := partywall firewall adapters sandbox vault demo
TRUSTED := firewall/core/*,firewall/stack.py,sandbox/*
GUARDS := $(wildcard tests/contract/test_hooks_*.py tests/contract/test_outbound_slack.py tests/scenario/test_guard_*.py \
	tests/leaks tests/unit/adapters/test_slack*.py tests/unit/adapters/test_telegram*.py tests/unit/adapters/test_discord*.py)

# Pyright and its node both come from the package index, as wheels: nothing is looked for elsewhere.
export PYRIGHT_PYTHON_GLOBAL_NODE := 0
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: help setup demo test test-peers test-models test-versions check bench bench-channels bench-peers ni faults streams docs clean

help:
	@sed -n 's/^## \{0,1\}//p' Makefile

setup: .venv/.ready

.venv/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[all,dev]'
	touch $@

demo: .venv/.ready
	@$(BIN)/python -m demo $(ARGS)

# A test that no exception gets out of ends its worker, with the stack of every thread.
test: .venv/.ready
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report= \
		-o faulthandler_timeout=300 -o faulthandler_exit_on_timeout=true
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --include='$(TRUSTED)' --fail-under=100

# The plug-in comes with LangGraph, and is for what we do not use.
test-peers: .venv/.ready .peers/telemelya/.ready .peers/emulate/.ready .peers/clients/.ready .peers/frameworks/.ready
	PYTHONPATH=.peers/clients:.peers/frameworks $(BIN)/python -m pytest tests/peers -v --durations=5 \
		-o cache_dir=.peers/cache -p no:langsmith_plugin

# Torch is larger than all the rest, so that of Debian is taken, for which python3 must be Debian's version too.
test-models: .peers/models/.ready
	PYTHONPATH=.peers/models $(BIN)/python -m pytest tests/models -v -o cache_dir=.peers/cache

.peers/models/.ready: tests/models/requirements.txt .venv/.ready
	@test -d $(TORCH)/torch || { echo "there is no torch in $(TORCH): apt-get install python3-torch" >&2; exit 1; }
	rm -rf $(@D)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(@D) -r $<
	ln -s $(TORCH)/torch $(TORCH)/torch-*.egg-info $(TORCH)/torchgen $(TORCH)/functorch $(@D)
	touch $@

# Each is made whole or not at all, and again when its list of versions changes.
.peers/telemelya/.ready: tests/peers/requirements-telemelya.txt
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	$(@D)/bin/python -m pip check
	touch $@

# Beside the project's own environment, so without what it has already; the check is of both together.
.peers/clients/.ready .peers/frameworks/.ready: .peers/%/.ready: tests/peers/requirements-%.txt .venv/.ready
	rm -rf $(@D)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target $(@D) -r $<
	PYTHONPATH=$(@D) $(BIN)/python -m pip check
	touch $@

# With the node that pyright runs on. No script of a package is run.
.peers/emulate/.ready: tests/peers/package.json tests/peers/package-lock.json | .venv/.ready
	rm -rf $(@D)
	mkdir -p $(@D)
	cp tests/peers/package.json tests/peers/package-lock.json $(@D)
	$(BIN)/python -m tests.peers.npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error \
		--fetch-timeout=60000 --fetch-retries=2
	touch $@

# `newest` stays what it was when it was installed; `rm -r .versions` asks the index again.
test-versions: .versions/lowest/.ready .versions/newest/.ready
	@sed '/^##/,$$d' .versions/lowest/versions.txt
	.versions/lowest/bin/python -m pytest -n $(JOBS) -o cache_dir=.versions/lowest/cache $(GUARDS)
	@sed '/^##/,$$d' .versions/newest/versions.txt
	.versions/newest/bin/python -m pytest -n $(JOBS) -o cache_dir=.versions/newest/cache $(GUARDS)

# The project as constraints.txt has it; then the chat libraries over it, and again the whole is checked.
.versions/lowest/.ready .versions/newest/.ready: .versions/%/.ready: tests/versions/%.txt tests/versions/tools.txt pyproject.toml constraints.txt
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . -r tests/versions/tools.txt
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade -e '.[slack,telegram,discord]' -r $<
	$(@D)/bin/python -m pip check
	$(@D)/bin/python -m pip freeze --exclude-editable -r $< > $(@D)/versions.txt
	touch $@

check: .venv/.ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/deptry $(CODE)
	$(BIN)/vulture
	$(BIN)/python -m tests.meta.docs_check

bench: .venv/.ready
	$(BIN)/python -m benchmarks $(ARGS)

bench-channels: .venv/.ready
	$(BIN)/python -m benchmarks --only channels $(ARGS)
	$(BIN)/python -m benchmarks --only serving $(ARGS)

bench-peers: .venv/.ready $(patsubst %,.peers/bench-%/.ready,presidio detect-secrets $(PEERS))
	$(BIN)/python -m benchmarks.beside $(ARGS)

# As it was resolved once; `pip check` would ask for torch, which nothing that is measured needs.
.peers/bench-%/.ready: benchmarks/peers/%.txt
	rm -rf $(@D)
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	touch $@

ni: .venv/.ready
	$(BIN)/python -m tests.noninterference --count $(N) $(ARGS)

faults: .venv/.ready
	$(BIN)/python -m tests.faults --count $(N) $(ARGS)

streams: .venv/.ready
	$(BIN)/python -m tests.streaming --count $(N) $(ARGS)

docs: .venv/.ready
	$(BIN)/python -m tests.meta.docs_check
	$(BIN)/towncrier build --draft

clean:
	rm -rf .venv .peers .versions build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
