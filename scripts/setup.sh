#!/bin/sh
# Makes .venv and installs a locked requirements file into it; quick when nothing changed.
#   scripts/setup.sh requirements.txt
set -eu
cd "$(dirname "$0")/.."
lock=${1:-requirements.txt}
python=${PYTHON:-python3}
stamp=.venv/.installed-$(basename "$lock" .txt)

if [ ! -x .venv/bin/python ]; then
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "imadmin needs Python 3.11 or newer; set PYTHON to one." >&2
        exit 1
    }
    if ! "$python" -m venv .venv 2>/dev/null; then
        rm -rf .venv
        # Debian keeps venv in a package of its own.
        scripts/system-packages.sh python3-venv || true
        "$python" -m venv .venv || {
            echo "Python's venv module is missing: install the package python3-venv, then try again." >&2
            exit 1
        }
    fi
fi
if [ "$(cat "$stamp" 2>/dev/null)" != "$(sha256sum "$lock")" ]; then
    echo "Installing $lock ..."
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip --upgrade >/dev/null
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --require-hashes -r "$lock"
    sha256sum "$lock" >"$stamp"
fi
.venv/bin/python scripts/messages.py compile
