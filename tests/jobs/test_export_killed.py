"""Exports whose process is killed with -9 in the middle: never half a file, then whole and told once."""

import sqlite3
from typing import Any

import pytest

from tests.jobs.exporting import MESSAGES
from tests.jobs.site import Site


def look(site: Site, question: str) -> list[Any]:
    with sqlite3.connect(site.folder / "imadmin.sqlite3", timeout=10) as database:
        return database.execute(question).fetchall()


def states(site: Site) -> list[str]:
    return [state for (state,) in look(site, "SELECT state FROM archive_export")]


def outcomes(site: Site) -> list[tuple[str]]:
    return look(site, "SELECT outcome FROM audit_auditentry WHERE action = 'message.export' AND phase = 'outcome'")


@pytest.mark.parametrize("site", ["embedded"], indirect=True)
def test_killed_in_the_middle_none_can_be_fetched_and_begun_anew_each_is_whole_once(site: Site) -> None:
    folder = site.folder / "exports"
    with_bodies, masked = ids = site.control.tell("export").split()
    site.wait(lambda: {file.name[:16] for file in folder.glob("*.part") if file.stat().st_size} == set(ids))
    assert [site.control.tell("fetch", one) for one in ids] == ["NotFound"] * 2

    site.worker.kill()
    assert states(site) == ["running"] * 2 and outcomes(site) == []
    left = {file.name for file in folder.iterdir()}
    assert len(left) == 2 and all(name.endswith(".part") for name in left)

    site.open_worker()
    site.let_go()
    site.wait(lambda: states(site) == ["ready"] * 2, lambda: states(site))
    assert {file.name for file in folder.iterdir()} == {f"{one}.jsonl" for one in ids}
    assert site.control.tell("fetch", with_bodies) == f"{MESSAGES} {MESSAGES} {MESSAGES}"
    assert site.control.tell("fetch", masked) == f"{MESSAGES} {MESSAGES} 0"
    assert outcomes(site) == [("done",)] * 2
