# The two commands are `make demo` and `make test`; each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
DATA ?= data
DRAWS ?= 3
MINUTES ?= 5
SEED ?= 1

.PHONY: demo test lint bench fuzz screenshots sbom audit clean

demo: .venv/installed
	$(BIN)/hypermatch demo $(if $(KEEP),--keep)

test: .venv/installed-for-tests
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/installed-for-tests
	$(BIN)/ruff check .
	$(BIN)/codespell
	$(BIN)/mypy -p registry -p ingest -p serving -p trainer -p infra

# Every labeled data set in DATA, two at once; a set that is measured already is not measured again.
bench: .venv/installed
	$(BIN)/hypermatch bench sets $(DATA) --draws $(DRAWS) --without oos --out .hypermatch/bench
	$(BIN)/hypermatch bench results .hypermatch/bench

# Made-up messages and bundles, MINUTES each; what was reached is kept, and the next run goes on from there.
fuzz: .venv/installed-for-tests
	for target in decoder bundles; do \
	  $(BIN)/python -m tests.fuzz $$target --minutes $(MINUTES) --seed $(SEED) --folder .hypermatch/fuzz || exit 1; \
	done

# What is installed, as CycloneDX.
sbom: .venv/installed-for-tests
	$(BIN)/hypermatch sbom --out .hypermatch/sbom.json

# Known weaknesses of the pinned packages; needs the internet, and keeps its own packages out of ours. Strict: a package
# that the database could not be asked about is a failure, where pip-audit alone would call it clean.
audit: .venv/bin/python
	@test -x .hypermatch/audit/bin/pip-audit || { $(PYTHON) -m venv .hypermatch/audit \
	  && .hypermatch/audit/bin/pip install --quiet pip-audit==2.10.1; }
	.hypermatch/audit/bin/pip-audit --strict --requirement constraints.txt --no-deps --disable-pip

# The pictures in docs/console; needs Chromium.
screenshots: .venv/installed-for-tests
	$(BIN)/python -m tests.registry.console.screenshots $(ARGS)

clean:
	rm -rf .venv .hypermatch build *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "HyperMatch needs Python 3.11 or later; run: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[all]'
	@touch $@

.venv/installed-for-tests: .venv/installed
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[all,test]'
	@touch $@
