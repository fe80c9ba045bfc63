"""`manage.py worker`: carries out jobs (split mode)."""

from typing import Any

from django.core.management.base import BaseCommand

from imadmin.jobs.embedded import WorkerPart
from imadmin.live.archive_feed import archive_feed
from imadmin.live.relay import relay
from imadmin.management.process import require_redis, run_parts
from imadmin.runtime import Gateways, Loop


class Command(BaseCommand):
    help = "Carry out jobs in a process of its own (needs IMADMIN_REDIS_URL); as many of them as you like."
    requires_system_checks: list[str] = []

    def handle(self, **_options: Any) -> None:
        require_redis()
        self.stdout.write("imadmin worker. Stop with Ctrl-C: running jobs end after the piece they are at.")
        self.stdout.flush()
        run_parts([Loop(), Gateways(), relay, archive_feed, WorkerPart(alone=False, seconds=8.0)])
