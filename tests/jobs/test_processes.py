"""Real workers, killed, stopped and asked twice: each test in one process and with a real Redis between several."""

import json
from typing import Any

import pytest

from tests.jobs.site import Site


def test_a_wanted_run_is_carried_out(site: Site) -> None:
    site.apart()
    run_id = site.control.tell("start", "t.quick")

    row = site.until(run_id, "done")

    assert row["attempt"] == 1 and json.loads(row["result"]) == {"attempt": 1}
    assert row["started_at"] and row["finished_at"] and row["worker"]


def test_a_message_that_comes_twice_runs_the_job_once(site: Site) -> None:
    run_id = site.control.tell("start", "t.again")
    site.until(run_id, "running")
    for _ in range(3):
        site.control.tell("put", run_id)
    site.let_go()
    site.until(run_id, "done")
    last = site.control.tell("start", "t.quick")
    site.until(last, "done")

    assert site.done() == [run_id, last]


def test_a_job_killed_half_way_is_taken_up_again(site: Site) -> None:
    run_id = site.control.tell("start", "t.again")
    site.wait(lambda: site.row(run_id)["state"] == "running" and site.row(run_id)["attempt"] == 1)

    site.worker.kill()
    site.let_go()
    site.open_worker()
    row = site.until(run_id, "done")

    assert row["attempt"] == 2 and "taken up again" in row["note"]
    assert site.done() == [run_id]


def test_a_killed_job_that_must_not_be_begun_anew_is_shown_as_lost(site: Site) -> None:
    run_id = site.control.tell("start", "t.tell")
    site.until(run_id, "running")

    site.worker.kill()
    site.open_worker()
    row = site.until(run_id, "lost")

    assert row["finished_at"] and "without a word" in row["error"]
    assert site.done() == []


def test_a_run_that_is_told_to_stop_ends_between_two_pieces(site: Site) -> None:
    run_id = site.control.tell("start", "t.again")
    site.until(run_id, "running")

    assert site.control.tell("stop", run_id) == "True"
    row = site.until(run_id, "stopped")

    assert json.loads(row["result"])["pieces"] == row["reached"] > 0


def test_a_worker_that_stops_leaves_its_run_to_the_next_one(site: Site) -> None:
    run_id = site.control.tell("start", "t.again")
    site.until(run_id, "running")

    assert site.worker.stop() == 0
    between = site.row(run_id)
    site.open_worker()
    site.let_go()
    row = site.until(run_id, "done")

    assert between["state"] == "queued" and row["attempt"] == 2
    assert site.done() == [run_id]


def test_beat_starts_what_is_due_and_tells_what_it_missed(site: Site) -> None:
    site.control.tell("every", "1", "t.quick")
    site.control.tell("ago", "3600", "t.quick")
    site.open_beat()

    site.wait(lambda: len(site.rows("state = 'done'")) >= 2)
    missed = site.rows("state = 'missed'")

    assert len(missed) == 1 and json.loads(missed[0]["params"])["count"] >= 3500
    on_time = site.rows("state = 'done'")
    assert len({row["scheduled_for"] for row in on_time}) == len(on_time)


@pytest.mark.parametrize("site", ["redis"], indirect=True)
def test_without_its_broker_nothing_is_lost(site: Site, redis_server: Any) -> None:
    site.apart()
    under_way = site.control.tell("start", "t.again")
    site.until(under_way, "running")
    redis_server.stop()
    try:
        run_id = site.control.tell("start", "t.quick")  # answers, though nobody takes the message
        assert site.row(run_id)["state"] in {"queued", "done"}
    finally:
        redis_server.start()
    site.until(run_id, "done")
    after = site.control.tell("start", "t.quick")
    site.until(after, "done")
    site.let_go()
    row = site.until(under_way, "done")

    assert row["attempt"] == 1 and sorted(site.done()) == sorted([run_id, after, under_way])


@pytest.mark.parametrize("site", ["redis"], indirect=True)
def test_two_workers_share_the_runs_and_none_is_done_twice(site: Site) -> None:
    site.open_worker()
    site.apart()
    ids = [site.control.tell("start", "t.quick") for _ in range(30)]
    site.wait(lambda: len(site.rows("state = 'done'")) == 30)

    assert sorted(site.done()) == sorted(ids)
