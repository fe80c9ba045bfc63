"""The option that writes the schema's snapshot anew (`make openapi-snapshot`)."""

from typing import Any


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--snapshot-update", action="store_true", default=False, help="write snapshots anew")
