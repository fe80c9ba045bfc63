"""What a container's probe gets: an answer under any host name, also where https is the rule."""

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_a_probe_needs_neither_host_name_nor_https(settings: Any, address: str) -> None:
    settings.ALLOWED_HOSTS = ["im.example.com"]
    settings.SECURE_SSL_REDIRECT = True

    assert Client(headers={"host": "127.0.0.1:8000"}).get(address).status_code == 200


def test_not_ready_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    from imadmin.web.views import health

    class Broken:
        def cursor(self) -> None:
            raise OperationalError("gone")

    monkeypatch.setattr(health, "connection", Broken())

    assert Client().get("/readyz").status_code == 503
