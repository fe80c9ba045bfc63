"""What tests of exports share: a talk to search, an export carried out, and what is in its file."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from imadmin.archive import exports
from imadmin.archive.models import Export
from imadmin.audit.models import AuditEntry
from imadmin.jobs import exports as jobs
from imadmin.jobs import registry
from tests.archive.saved_stage import Talk

ScopeOf = Callable[[Any, str], Any]
REASON = "asked for by the authorities"


@pytest.fixture
def registered() -> None:
    registry.known()
    assert jobs.JOB in registry.known()


@pytest.fixture
def talk(cluster: Any) -> Talk:
    return Talk(cluster)


@pytest.fixture
def exported(work_off: Callable[[], int]) -> Callable[..., Export]:
    """exported(scope, q=…) -> the export, after its job has run."""

    def make(scope: Any, **wish: Any) -> Export:
        row, _is_new = jobs.begin(scope, **{"q": "", "reason": REASON, "format": "jsonl"} | wish)
        work_off()
        row.refresh_from_db()
        return row

    return make


def content(scope: Any, row: Export) -> bytes:
    with exports.open_file(scope, row.pk)["opened"] as file:
        return file.read()


def lines(scope: Any, row: Export) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content(scope, row).decode().split("\n") if line]


csv.field_size_limit(2_000_000)


def cells(scope: Any, row: Export) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content(scope, row).decode("utf-8-sig"), newline="")))


def files() -> list[str]:
    return sorted(path.name for path in exports.folder().iterdir())


def trail(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action).order_by("pk"))


def nothing(*_: Any, **__: Any) -> None:
    return None


def begun(scope: Any, q: str = "") -> Export:
    row, _ = jobs.begin(scope, q=q, reason=REASON, format="jsonl")
    return row
