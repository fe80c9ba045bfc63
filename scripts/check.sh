#!/bin/sh
# Everything that can be known without running the product.
set -eu
cd "$(dirname "$0")/.."
IMADMIN_DATA_DIR=$(mktemp -d)
export IMADMIN_DATA_DIR
trap 'rm -rf "$IMADMIN_DATA_DIR"' EXIT
bin=.venv/bin
$bin/ruff check .
$bin/ruff format --check .
$bin/mypy
$bin/lint-imports --no-cache
$bin/python manage.py check --database default --fail-level WARNING
$bin/python manage.py makemigrations --check --dry-run
$bin/djlint templates --lint --quiet
if scripts/system-packages.sh gettext; then
    $bin/python scripts/messages.py check
else
    echo "Translations are not checked: collecting texts needs the package gettext."
fi
