"""Our own rows after a change: the cluster has changed already, so a busy database is waited for, not given up on."""

import logging
import time
from collections.abc import Callable

from django.db import DatabaseError

from imadmin.core.errors import gettext_noop

logger = logging.getLogger(__name__)

PAUSES = (0.1, 0.5, 1.0)  # beside the five seconds that each try waits by itself

NOT_REMEMBERED = gettext_noop(
    "The cluster was changed, but our own record of it could not be written: our database was busy."
)


def kept(write: Callable[[], object], what: str) -> bool:
    """Whether it was written, after a few tries.  what: a word for the log."""
    for pause in (*PAUSES, None):
        try:
            write()
        except DatabaseError:
            logger.warning("own_record.not_written", extra={"what": what}, exc_info=True)
            if pause is not None:
                time.sleep(pause)
        else:
            return True
    return False
