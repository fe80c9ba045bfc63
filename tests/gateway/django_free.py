"""Lets the gateway's tests run where Django isn't: `pytest -p no:django tests/gateway tests/contract`."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest


def pytest_addoption(parser: Any) -> None:
    with contextlib.suppress(ValueError):  # with pytest-django on board the option is known already
        parser.addini("DJANGO_SETTINGS_MODULE", "read by pytest-django")


@pytest.fixture(autouse=True)
def _fast_passwords() -> None:
    """These tests know no Django; the settings of the whole suite stay out."""


@pytest.fixture(autouse=True)
def _closed_gateways() -> None:
    """Each test here closes its own gateways."""
