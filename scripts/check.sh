#!/bin/sh
# Everything that can be known without running the product.
set -eu
cd "$(dirname "$0")/.."
export IMADMIN_DATA_DIR="${TMPDIR:-/tmp}/imadmin-check"
bin=.venv/bin
$bin/ruff check .
$bin/ruff format --check .
$bin/mypy
$bin/lint-imports --no-cache
$bin/python manage.py check --fail-level WARNING
$bin/python manage.py makemigrations --check --dry-run
$bin/djlint templates --lint --quiet
scripts/system-packages.sh gettext
$bin/python scripts/messages.py check
