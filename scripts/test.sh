#!/bin/sh
# All tests. The browser tests need Chromium: installed here where that is possible, skipped with the reason where not.
set -eu
cd "$(dirname "$0")/.."
scripts/system-packages.sh chromium fonts-noto-cjk || echo "Browser tests will be skipped."
export IMADMIN_DATA_DIR="${TMPDIR:-/tmp}/imadmin-test-$$"
trap 'rm -rf "$IMADMIN_DATA_DIR"' EXIT
.venv/bin/python -m pytest -n "${TEST_WORKERS:-2}" --dist loadfile "$@"
