#!/bin/sh
# Pictures of the running product, every page at two widths, in both themes and both languages.
set -eu
cd "$(dirname "$0")/.."
scripts/system-packages.sh chromium fonts-noto-cjk
exec .venv/bin/python -m scripts.screenshots "$@"
