"""The schema: a snapshot that shows every change of the API in review, and rules every operation keeps."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from imadmin.clusters.models import Cluster

SNAPSHOT = Path(__file__).parents[1] / "snapshots" / "openapi.json"


@pytest.fixture
def schema(db: None) -> dict[str, Any]:
    found: dict[str, Any] = Client().get("/api/v1/openapi.json").json()
    return found


def operations(schema: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in schema["paths"].items() for method, one in methods.items()]


def test_the_schema_is_the_one_in_the_snapshot(schema: dict[str, Any], pytestconfig: pytest.Config) -> None:
    """`make openapi-snapshot` writes it anew; look at the difference before you commit it."""
    schema["info"]["version"] = ""
    text = json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if pytestconfig.getoption("--snapshot-update", default=False):
        SNAPSHOT.parent.mkdir(exist_ok=True)
        SNAPSHOT.write_text(text, encoding="utf-8")
    assert SNAPSHOT.read_text(encoding="utf-8") == text


def test_every_operation_has_a_name_of_its_own_a_summary_a_tag_and_asks_for_a_token(schema: dict[str, Any]) -> None:
    names = [one["operationId"] for _path, _method, one in operations(schema)]
    assert len(names) == len(set(names))
    for path, method, one in operations(schema):
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", one["operationId"]), (method, path)
        assert one["summary"] and one["tags"] and one["security"] == [{"TokenAuth": []}], (method, path)


def test_every_parameter_of_a_path_is_described(schema: dict[str, Any]) -> None:
    for path, method, one in operations(schema):
        named = set(re.findall(r"{(\w+)}", path))
        assert named == {each["name"] for each in one["parameters"] if each["in"] == "path"}, (method, path)


def test_errors_are_problems(schema: dict[str, Any]) -> None:
    for path, method, one in operations(schema):
        for status, reply in one["responses"].items():
            if int(status) >= 400:
                assert list(reply["content"]) == ["application/problem+json"], (method, path, status)


def test_the_docs_show_every_operation_without_any_outside_asset(
    schema: dict[str, Any], own_cluster: Cluster, client_of: Any
) -> None:
    page = client_of(own_cluster, "viewer").get("/api/v1/docs").content.decode()
    for path, _method, one in operations(schema):
        assert f'id="{one["operationId"]}"' in page and path in page
    assert all(link.startswith(("/", "#", "data-")) for link in re.findall(r'(?:src|href)="([^"]+)"', page))
    assert "Authorization: Bearer $IMADMIN_TOKEN" in page and 'id="error-not_found"' in page


def test_the_docs_want_a_sign_in(db: None) -> None:
    assert Client().get("/api/v1/docs")["Location"] == "/accounts/login/?next=%2Fapi%2Fv1%2Fdocs"
