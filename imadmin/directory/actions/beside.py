"""Carrying on beside the request: a list change that takes minutes must not hang on an open browser.

A thread of this process does it and tells its progress in the plan.  Scheduled and restartable work is another matter:
what is cut off by a stop of the process stays an unfinished intent on the audit trail, and the plan says so.
"""

import logging
import threading
from collections.abc import Callable

from django.db import close_old_connections

from imadmin.core.errors import AppError, Busy, gettext_noop
from imadmin.core.outcomes import Outcomes
from imadmin.directory import plans
from imadmin.directory.models import Plan

logger = logging.getLogger(__name__)

MOST = 4
_places = threading.BoundedSemaphore(MOST)

OUR_FAULT = gettext_noop("A fault of the dashboard ended it. Look at the list for how far it came.")


def start(plan: Plan, work: Callable[[], Outcomes]) -> None:
    """Run the work in a thread and keep its result in the plan.  Raises Busy when too much is under way already."""
    if not _places.acquire(blocking=False):
        plans.release(plan)
        raise Busy(
            gettext_noop("Four long changes are under way already; nothing was done. Try again when one is over.")
        )
    threading.Thread(target=_run, args=(plan, work), name=f"plan-{plan.pk}", daemon=True).start()


def _run(plan: Plan, work: Callable[[], Outcomes]) -> None:
    close_old_connections()
    try:
        plans.finish(plan, work())
    except AppError as error:
        plans.fail(plan, error.text())
    except Exception:
        logger.exception("plan.broken", extra={"plan": plan.pk})
        plans.fail(plan, OUR_FAULT)
    finally:
        _places.release()
        close_old_connections()
