#!/bin/sh
# All tests. The browser tests need Chromium: installed here where that is possible, skipped with the reason where not.
set -eu
cd "$(dirname "$0")/.."
scripts/system-packages.sh chromium fonts-noto-cjk || echo "Browser tests will be skipped."
IMADMIN_DATA_DIR=$(mktemp -d)
export IMADMIN_DATA_DIR
trap 'rm -rf "$IMADMIN_DATA_DIR"' EXIT
.venv/bin/python -m pytest -n "${TEST_WORKERS:-2}" --dist loadfile "$@"
