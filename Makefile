# Everything happens in .venv; `make run` and `make test` need nothing else to be done by hand.
PYTHON ?= python3
PORT ?= 8000
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help install run test lint audit bench screenshots clean

help:  ## show this
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: .venv/.installed

.venv/.installed: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: install  ## serve the CRM on http://127.0.0.1:8000 (PORT=… for another port)
	@exec env PORT=$(PORT) $(BIN)/python manage.py run_local

test: install  ## run the whole test suite
	$(BIN)/python -m pytest -n 2 --dist worksteal $(TESTS)

lint: install  ## check style and Django's deployment settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	env DATABRICKS_HOST=example.cloud.databricks.com DATABRICKS_WAREHOUSE_ID=0 DATABRICKS_TOKEN=none \
	  DJANGO_SECRET_KEY=$$(head -c 48 /dev/urandom | base64) $(BIN)/python manage.py check --deploy --fail-level WARNING

# Not part of CI: it asks PyPI's advisory service, so that its result depends on the day and on
# the network. In an environment of its own, since it would bring some thirty packages along.
audit: install  ## look for known vulnerabilities in what is installed
	@test -x .venv/audit/bin/pip-audit || { $(PYTHON) -m venv .venv/audit && .venv/audit/bin/pip install --quiet pip-audit==2.10.1; }
	.venv/audit/bin/pip-audit --strict --desc off --path "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"

bench: install  ## print what things cost
	$(BIN)/python -m bench.local_warehouse
	$(BIN)/python -m bench.pages
	$(BIN)/python -m bench.importing
	$(BIN)/python -m bench.time_machine

screenshots: install  ## take the README's screenshot anew (needs Chromium)
	$(BIN)/python docs/screenshots.py

clean:  ## remove the virtual environment and the local data
	rm -rf .venv .local
