# Needs Python 3.11 or newer, make and a package registry that pip can reach; nothing else.
PYTHON ?= python3
BIN := .venv/bin

# pip compares every download with the hashes in the lock file.
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check --no-input --quiet --require-hashes

# $(call require_python,INTERPRETER,HOW TO PUT IT RIGHT)
define require_python
@$(1) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "her2-crd needs Python 3.11 or newer, but $(1) is: $$($(1) -V 2>&1). $(2)" >&2; exit 1; }
endef

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run demo test check bench faults soak load lock sbom licences reproducible image-lint rehearsal manifests
.PHONY: clean

help:
	@echo 'make run     start the service on port 8080 (PORT=9090 make run for another one)'
	@echo 'make demo    walk through the example requests'
	@echo 'make test    run the tests and check their coverage'
	@echo 'make check   lint, types, import rules, policies'
	@echo 'make bench   measure answers per second'
	@echo 'make faults  pull out every cable once: FHIR servers, databases, processes; prints what came of it'
	@echo 'make soak    so many calls a second for so long (RATE=100 MINUTES=10 DATABASE=postgresql)'
	@echo 'make load    calls per second by workers and database, and restarts under load'
	@echo 'make lock    resolve the lock files anew (LOCK_FLAGS=--upgrade takes newer versions)'
	@echo 'make sbom    write the bill of materials anew, after make lock'
	@echo 'make licences, reproducible, image-lint, rehearsal, manifests'
	@echo '             check what is shipped: docs/deployment.md says what each shows'
	@echo 'make clean   remove caches and build results (the virtual environment stays)'

# The stamps .runtime and .dev say which lock file .venv was last filled from.

$(BIN)/python:
	$(call require_python,$(PYTHON),Name a newer one: make PYTHON=/path/to/python3.12)
	@$(PYTHON) -m venv --clear .venv || { rm -rf .venv; \
		echo "$(PYTHON) -m venv failed; on Debian and Ubuntu install the package python3-venv first." >&2; exit 1; }

.venv/.runtime: requirements.txt | $(BIN)/python
	$(call require_python,$(BIN)/python,Remove the folder .venv and call make again)
	@echo 'Installing the locked packages of requirements.txt into .venv'
	@$(INSTALL) -r requirements.txt
	@touch $@

# The development lock holds the runtime packages too, at the same versions.
.venv/.dev: requirements-dev.txt requirements.txt | $(BIN)/python
	$(call require_python,$(BIN)/python,Remove the folder .venv and call make again)
	@echo 'Installing the locked packages of requirements-dev.txt into .venv'
	@$(INSTALL) -r requirements-dev.txt
	@touch .venv/.runtime $@

run: .venv/.runtime
	@exec env HER2_CRD_PROFILE=development PORT=$${PORT:-8080} $(BIN)/python -m service

demo: .venv/.dev
	@$(BIN)/python -m examples.demo

bench: .venv/.dev
	@$(BIN)/python -m benchmarks.bench

# Variables of the command line (RATE, MINUTES, DATABASE, REQUIRE_POSTGRES) reach these as environment variables.
faults: .venv/.dev
	@exec $(BIN)/python -m benchmarks.faults

soak: .venv/.dev
	@exec $(BIN)/python -m benchmarks.soak

load: .venv/.dev
	@exec $(BIN)/python -m benchmarks.load

# A verdict must be exact, so criteria/ has no untested branch. Both reports are printed before either can fail.
test: .venv/.dev
	@$(BIN)/python -m pytest -n 2 --cov --cov-report=
	@failed=0; \
	echo; echo 'criteria: every branch'; \
	$(BIN)/python -m coverage report --include='criteria/*' --fail-under=100 || failed=1; \
	echo; echo 'service, fhir_mappers, cards: 95 % of the branches'; \
	$(BIN)/python -m coverage report --include='service/*,fhir_mappers/*,cards/*' --fail-under=95 || failed=1; \
	exit $$failed

check: .venv/.dev
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy
	$(BIN)/lint-imports
	$(BIN)/python -m criteria check

# Only whoever changes a dependency needs uv. No registry address may enter the lock files.
LOCK_FLAGS ?=
# The image holds every extra, so both locks do.
COMPILE_GROUP = $(BIN)/uv pip compile --quiet --python-version 3.11 --universal --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' $(LOCK_FLAGS)
COMPILE = $(COMPILE_GROUP) pyproject.toml --all-extras

lock: $(BIN)/uv
	@$(COMPILE) --output-file requirements.txt
	@$(COMPILE) --group dev --constraint requirements.txt --output-file requirements-dev.txt
	@$(COMPILE_GROUP) --group build --constraint requirements-dev.txt --output-file requirements-build.txt
	@if grep -nE 'https?://' requirements.txt requirements-dev.txt requirements-build.txt; then \
		echo 'A lock file holds an address.' >&2; exit 1; fi

$(BIN)/uv: | $(BIN)/python
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet 'uv>=0.9,<1'

# ------------------------------------------------------------------------------------------------ what is shipped

sbom: .venv/.dev
	@$(BIN)/python -m deploy.supply_chain.sbom

licences: .venv/.dev
	@$(BIN)/python -m deploy.supply_chain.licences

# DIST names a folder for the wheel.
reproducible: .venv/.dev
	@$(BIN)/python -m deploy.supply_chain.sbom --check
	@$(BIN)/python -m deploy.supply_chain.reproduce $(DIST)

image-lint: .venv/.dev
	@$(BIN)/hadolint --failure-threshold=style Dockerfile

# Needs root on Linux, and nothing of a container engine.
rehearsal: .venv/.dev
	@$(BIN)/python -m deploy.image.rehearse

# Needs kubectl, for its kustomize.
manifests: .venv/.dev
	@TEST_KUSTOMIZE=required $(BIN)/python -m pytest -q tests/deploy/kubernetes

clean:
	@rm -rf .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@find . -path ./.venv -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
