"""Running parts of the product as a process of its own, until SIGTERM or Ctrl-C."""

import asyncio
import signal
from collections.abc import Sequence

from django.core.management.base import CommandError

from imadmin.config import config
from imadmin.runtime import Part, Runtime

NEEDS_REDIS = (
    "This is a process of the split mode, which needs IMADMIN_REDIS_URL.\n"
    "Without Redis everything runs in one process: start that with `manage.py up`."
)


def require_redis() -> None:
    """Raises CommandError in embedded mode: a second process would do all scheduled work twice, or nothing."""
    if not config.redis_url:
        raise CommandError(NEEDS_REDIS)


def run_parts(parts: Sequence[Part]) -> None:
    """Start them, wait for the signal, stop them in reverse."""

    async def serve() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, ended.set)
        runtime = Runtime(parts)
        await runtime.start()
        try:
            await ended.wait()
        finally:
            await runtime.stop()

    asyncio.run(serve())
