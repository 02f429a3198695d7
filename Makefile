# Payment Vault: `make demo` shows it, `make test` proves it.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PORT ?= 8000
WORKERS ?= 2
CODE := vault common partners mifos mpesa wallet sms disbursements c2b sandbox

export PYTHONDONTWRITEBYTECODE ?= 1

.PHONY: demo run test check format types bench chaos screenshots clean install

install: .venv/ready

.venv/ready: requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo 'Python 3.11 or newer is needed. If you have one under another name: make PYTHON=python3.12 $(MAKECMDGOALS)'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'This Python cannot make virtual environments: ensurepip is missing.'; \
		echo 'On Debian and Ubuntu: apt-get install python3-venv. Then run make again.'; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

demo: install
	$(BIN)/python -m vault.running demo --port $(PORT) $(if $(LOANS),--loans $(LOANS)) $(if $(EXIT),--exit)

run: install
	$(BIN)/python -m vault.running run --port $(PORT)

# Two tests side by side, each with a database of its own; those of real processes one after the other.
test: install
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup $(TESTS)

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(MAKE) --no-print-directory types
	$(BIN)/lint-imports
	$(CHECK_ENV) $(BIN)/python manage.py makemigrations --check --dry-run
	$(CHECK_ENV) $(BIN)/python manage.py check --deploy --fail-level WARNING
	$(CHECK_ENV) $(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

# Production-like settings for checks that need no database: nothing is started, nothing is reached.
CHECK_ENV := DATABASE_URL=postgres://nobody@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0 \
	SECRET_KEY=check-only-0123456789-abcdefghijklmnopqrstuvwxyz-0123456789 \
	VAULT_ENCRYPTION_KEYS=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY= \
	PUBLIC_BASE_URL=https://vault.example ALLOWED_HOSTS=vault.example

types: install
	$(CHECK_ENV) $(BIN)/mypy $(CODE)

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install
	$(BIN)/python -m vault.running bench $(if $(ONLY),--only $(ONLY))

chaos: install
	$(BIN)/python -m vault.running chaos $(if $(SEED),--seed $(SEED)) $(if $(LOANS),--loans $(LOANS)) $(if $(PAYMENTS),--payments $(PAYMENTS))

# The pictures in docs/screenshots: what the browser tests see.
screenshots: install
	SCREENSHOTS=1 $(BIN)/python -m pytest tests/browser/test_every_page.py

clean:
	rm -rf .run .mypy_cache .ruff_cache .pytest_cache .hypothesis
