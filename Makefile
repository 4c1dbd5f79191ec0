# Two commands do all set-up on a fresh machine: `make serve` and `make test`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# It pins what it stands on, and so has an environment of its own.
CHECKOV := .venv-checkov
NODE_INSTALLED := web/node_modules/.package-lock.json
PAGE := imgtag/_web/index.html
PAGE_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/e2e/*' -not -path 'web/test-results/*' 2>/dev/null)

.PHONY: serve test check-terraform deploy test-aws check fix bench bench-aws web web-types page-test e2e tools lock clean

serve: $(VENV)/installed $(PAGE)
	exec $(BIN)/imgtag serve

test: check tools $(PAGE)
	$(BIN)/pytest
	npm --prefix web test
	npm --prefix web run e2e

# The AWS backends alone, against moto: three minutes on two cores.
test-aws: $(VENV)/installed
	$(BIN)/pytest tests/aws

check: $(VENV)/installed $(NODE_INSTALLED) check-terraform
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	npm --prefix web run check

check-terraform: $(VENV)/installed $(CHECKOV)/installed
	$(BIN)/python tools/terraform.py
	$(CHECKOV)/bin/checkov --config-file deploy/terraform/.checkov.yaml --directory deploy/terraform

# Puts the system on AWS, or brings it up to date; Terraform asks before it does anything.
deploy: $(PAGE)
	terraform -chdir=deploy/terraform init
	terraform -chdir=deploy/terraform apply

fix: $(VENV)/installed $(NODE_INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	npm --prefix web run fix

# Beside the tests' tools: nginx, as the measure of what can be sent.
bench: $(VENV)/installed
	@tools/install-debian-packages.sh nginx-light
	for each in catalog imaging ingest bundle; do $(BIN)/python benchmarks/$$each.py || exit 1; done

# Against local servers; draining 10,000 events takes moto some minutes.
bench-aws: $(VENV)/installed
	for each in s3_read drain model; do $(BIN)/python benchmarks/$$each.py || exit 1; done

web: $(PAGE)

# The page's types are made from the API as it is.
web-types: $(VENV)/installed $(NODE_INSTALLED)
	$(BIN)/imgtag openapi > web/openapi.json
	npm --prefix web run types

page-test: $(NODE_INSTALLED)
	npm --prefix web test

# The page in a real browser, against a real service: some minutes on two cores.
e2e: $(VENV)/installed $(PAGE) tools
	npm --prefix web run e2e

# What the tests use of Debian: unzippers of other people as oracles, and a browser.
tools:
	@tools/install-debian-packages.sh

LOCK := uv pip compile --generate-hashes --python-version 3.11 --universal --no-header --no-emit-index-url -q

lock:
	$(LOCK) pyproject.toml --extra aws --extra mail -o requirements/runtime.txt
	$(LOCK) pyproject.toml --all-extras --group dev -o requirements/dev.txt
	$(LOCK) --group build -o requirements/build.txt
	echo checkov | $(LOCK) - -o requirements/checkov.txt

$(VENV)/installed: requirements/dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	IMGTAG_SKIP_WEB=1 $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

$(CHECKOV)/installed: requirements/checkov.txt
	test -x $(CHECKOV)/bin/python || $(PYTHON) -m venv $(CHECKOV)
	$(CHECKOV)/bin/python -m pip install --quiet --require-hashes -r requirements/checkov.txt
	touch $@

$(NODE_INSTALLED): web/package-lock.json
	npm --prefix web ci --ignore-scripts
	touch $@

$(PAGE): $(NODE_INSTALLED) $(PAGE_SOURCES)
	npm --prefix web run build
	touch $@

clean:
	rm -rf $(VENV) $(CHECKOV) web/node_modules imgtag/_web
