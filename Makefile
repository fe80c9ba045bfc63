# One command each; what CI runs is what a developer runs.
.DEFAULT_GOAL := help
PY := .venv/bin/python

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 22

run: setup ## start everything on this machine, with a demo cluster
	@exec $(PY) manage.py up --demo

setup:
	@scripts/setup.sh requirements.txt

setup-dev:
	@scripts/setup.sh requirements-dev.txt

test: setup-dev ## install what the tests need, run all of them
	@scripts/test.sh

check: setup-dev ## lint, types, layers, migrations, templates, translations
	@scripts/check.sh

bench: setup-dev ## ratios against a baseline in the same run
	@$(PY) -m benchmarks

screenshots: setup-dev ## pictures of the running product into docs/screenshots
	@scripts/screenshots.sh

messages: setup-dev ## collect texts for translation into locale/
	@$(PY) scripts/messages.py extract

openapi-snapshot: setup-dev ## renew tests/snapshots/openapi.json after a wanted API change
	@$(PY) -m pytest -q tests/api/test_openapi.py --snapshot-update

lock: ## renew both lock files after a change of requirements*.in
	@uv pip compile -q --generate-hashes --no-header --python-version 3.11 requirements.in -o requirements.txt
	@uv pip compile -q --generate-hashes --no-header --python-version 3.11 -c requirements.txt requirements-dev.in -o requirements-dev.txt

.PHONY: help run setup setup-dev test check bench screenshots messages openapi-snapshot lock
