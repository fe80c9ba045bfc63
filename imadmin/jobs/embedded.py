"""Worker and beat as parts of a process (runtime.py): beat stops first, then the worker."""

import asyncio
import logging

from imadmin.config import config
from imadmin.core.errors import Conflict
from imadmin.core.locks import ProcessLease
from imadmin.jobs.beat import Beat
from imadmin.jobs.worker import Worker

logger = logging.getLogger(__name__)
STOP_SECONDS = 2.5


def lease() -> ProcessLease:
    """Held by the one process that carries out jobs on this data folder (embedded mode)."""
    return ProcessLease(config.data_dir / "jobs.lock")


class WorkerPart:
    """alone: no other process works on this database (embedded mode).  A second one leaves the jobs to the first."""

    def __init__(self, *, alone: bool, seconds: float = STOP_SECONDS) -> None:
        self._worker = Worker(alone=alone)
        self._seconds = seconds
        self._lease = lease() if alone else None
        self._is_at_work = False

    async def start(self) -> None:
        try:
            if self._lease:
                self._lease.take()
        except Conflict as refusal:
            logger.warning("jobs.left_to_another_process", extra={"why": refusal.text()})
            return
        self._is_at_work = True
        self._worker.start()

    async def stop(self) -> None:
        if self._is_at_work:
            await asyncio.to_thread(self._worker.stop, self._seconds)
        if self._lease:
            self._lease.release()


class BeatPart:
    def __init__(self) -> None:
        self._beat = Beat()

    async def start(self) -> None:
        self._beat.start()

    async def stop(self) -> None:
        await asyncio.to_thread(self._beat.stop)
