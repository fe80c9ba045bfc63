"""`python -m tests.jobs.process embedded|worker|beat|control`: a process with jobs for tests, told on stdin what to do."""

import json
import sys
import threading
import time
from datetime import timedelta
from typing import Any

import django

django.setup()

from django_celery_beat.models import PeriodicTask  # noqa: E402

from imadmin.config import config  # noqa: E402
from imadmin.jobs import recovery, registry, schedule  # noqa: E402
from imadmin.jobs.beat import Beat  # noqa: E402
from imadmin.jobs.embedded import BeatPart, WorkerPart  # noqa: E402
from imadmin.jobs.run import Run, ask_to_stop, put, start  # noqa: E402
from imadmin.management.process import run_parts  # noqa: E402
from imadmin.runtime import Loop  # noqa: E402
from tests.jobs import exporting, kicking  # noqa: E402

# Quick, so that the tests are: what is proven is the order of things.
recovery.PULSE = timedelta(seconds=0.2)
recovery.GONE_AFTER = timedelta(seconds=1)
schedule.BUILT_IN = ()
exporting.stand_still()


def write_down(run: Run) -> dict[str, Any]:
    with (config.data_dir / "done.txt").open("a") as file:
        file.write(f"{run.id}\n")
    return {"attempt": run.attempt}


def wait_for_go(run: Run) -> dict[str, Any] | None:
    """A job in pieces: ends when it may, or when it is told to."""
    number = 0
    while not (config.data_dir / "go").exists():
        number += 1
        run.beat(number, 1000)
        if run.should_stop():
            return {"pieces": number}
        time.sleep(0.02)
    return write_down(run)


registry.known()
registry.job("t.quick", title="Quick", most_at_once=None)(write_down)
registry.job("t.again", title="Again", lost="again", most_at_once=None)(wait_for_go)
registry.job("t.tell", title="Tell", lost="tell", most_at_once=None)(wait_for_go)


def obey(words: list[str]) -> str:
    match words:
        case ["start", name]:
            return start(name).pk
        case ["put", run_id]:
            put(run_id)
        case ["stop", run_id]:
            return str(ask_to_stop(run_id))
        case ["every", seconds, name]:
            schedule.set_schedule(f"test {name}", name, int(seconds))
        case ["ago", seconds, name]:
            entry = PeriodicTask.objects.get(name=f"test {name}")
            back = timedelta(seconds=int(seconds))
            PeriodicTask.objects.filter(pk=entry.pk).update(
                last_run_at=schedule.since(entry) - back, date_changed=entry.date_changed - back
            )
        case ["beat"]:
            Beat().start()
        case ["kick", api_url, manager_url, per_second]:
            return kicking.begin(api_url, manager_url, per_second)
        case ["export"]:
            return exporting.begin()
        case ["fetch", export_id]:
            return exporting.fetch(export_id)
    return "ok"


def listen() -> None:
    for line in sys.stdin:
        print(obey(json.loads(line)), flush=True)


ROLES: dict[str, Any] = {
    "embedded": lambda: [WorkerPart(alone=True)],
    "worker": lambda: [WorkerPart(alone=False)],
    "beat": lambda: [BeatPart()],
    "control": list,
}

if __name__ == "__main__":
    print("ready", flush=True)
    threading.Thread(target=listen, daemon=True).start()
    run_parts([Loop(), *ROLES[sys.argv[1]]()])
