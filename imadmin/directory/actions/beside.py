"""Carrying on beside the request: a list change that takes minutes must not hang on an open browser.

A thread of this process does it and tells its progress in the plan.  Scheduled and restartable work is another matter:
what is cut off by a stop of the process stays an unfinished intent on the audit trail, and the plan says so.
"""

import logging
import threading
import time
from collections.abc import Callable

from django.db import close_old_connections

from imadmin.core.errors import AppError, Busy, gettext_noop
from imadmin.core.outcomes import Outcomes
from imadmin.directory import plans
from imadmin.directory.models import Plan

logger = logging.getLogger(__name__)

MOST = 4
_places = threading.BoundedSemaphore(MOST)
_running: dict[threading.Thread, threading.Event] = {}  # each with what tells it to end
IsStopping = Callable[[], bool]

OUR_FAULT = gettext_noop("A fault of the dashboard ended it. Look at the list for how far it came.")


def start(plan: Plan, work: Callable[[IsStopping], Outcomes]) -> None:
    """Run the work in a thread and keep its result in the plan.  Raises Busy when too much is under way already.

    work: asks what it is given whether to end, wherever it can.
    """
    if not _places.acquire(blocking=False):
        plans.release(plan)
        raise Busy(
            gettext_noop("Four long changes are under way already; nothing was done. Try again when one is over.")
        )
    ending = threading.Event()
    thread = threading.Thread(target=_run, args=(plan, work, ending), name=f"plan-{plan.pk}", daemon=True)
    _running[thread] = ending
    thread.start()


def stop(seconds: float) -> bool:
    """Tell the changes under way to end after the piece they are at, and wait so long for them.  Whether all have.

    They need the gateways to read back what they did, so these are closed after this.  Not for the network loop.
    """
    under_way = dict(_running)
    for ending in under_way.values():
        ending.set()
    until = time.monotonic() + seconds
    for thread in under_way:
        thread.join(max(0.0, until - time.monotonic()))
    left = [thread.name for thread in under_way if thread.is_alive()]
    if left:
        logger.warning("plan.cut_off", extra={"plans": left})
    return not left


def _run(plan: Plan, work: Callable[[IsStopping], Outcomes], ending: threading.Event) -> None:
    close_old_connections()
    try:
        plans.finish(plan, work(ending.is_set))
    except AppError as error:
        plans.fail(plan, error.text())
    except Exception:
        logger.exception("plan.broken", extra={"plan": plan.pk})
        plans.fail(plan, OUR_FAULT)
    finally:
        _places.release()
        _running.pop(threading.current_thread(), None)
        close_old_connections()
