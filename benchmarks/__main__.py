"""`python -m benchmarks [name ...]`: run the figures and print one line each; exit 1 when one is missed."""

import os
import sys

from benchmarks import stage

FIGURES = (
    "api_list", "page", "fan_out", "add_many", "sampling", "samples", "slots_page", "connections", "live", "paced_kick",
    "hook_ingest", "archive_search", "search_page",
)  # fmt: skip


def main(names: list[str]) -> int:
    stage.fresh_data_folder()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.settings")
    import django

    django.setup()
    from importlib import import_module

    figures = []
    for name in names or FIGURES:
        found = import_module(f"benchmarks.{name}").run()
        for figure in found if isinstance(found, tuple) else (found,):
            print(figure.line(), flush=True)
            figures.append(figure)
    missed = [figure.name for figure in figures if not figure.holds]
    print(f"{len(figures) - len(missed)} of {len(figures)} hold" + (f"; missed: {', '.join(missed)}" if missed else ""))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
