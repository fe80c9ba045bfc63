#!/bin/sh
# All tests. The browser tests need Chromium, those of several processes Redis, the archive's a second time PostgreSQL:
# installed here where that is possible, skipped with the reason where not.
# Browser tests run by themselves, after the others: the browser's driver keeps an event loop in its thread, and the ORM refuses
# to work in a thread that has one.   scripts/test.sh tests/web -k users   runs a choice.
set -eu
cd "$(dirname "$0")/.."
scripts/system-packages.sh chromium fonts-noto-cjk || echo "Browser tests will be skipped."
scripts/system-packages.sh redis-server || echo "Tests of several processes will be skipped."
scripts/system-packages.sh postgresql || echo "Tests of the archive on PostgreSQL will be skipped."
IMADMIN_DATA_DIR=$(mktemp -d)
export IMADMIN_DATA_DIR
trap 'rm -rf "$IMADMIN_DATA_DIR"' EXIT
unset PYTHONDONTWRITEBYTECODE # many tests start the product in processes of its own: each would compile it anew
workers="-n ${TEST_WORKERS:-3} --dist loadfile" # one more than the cores of a small machine: many tests wait
if [ $# -gt 0 ]; then
    .venv/bin/python -m pytest "$@"
else
    # shellcheck disable=SC2086
    .venv/bin/python -m pytest $workers --ignore tests/e2e
    # Two at a time, each with a browser, a product and a cluster of its own.
    .venv/bin/python -m pytest tests/e2e -n "${TEST_BROWSERS:-2}" --dist load
fi
