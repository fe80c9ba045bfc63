"""`manage.py beat`: starts scheduled jobs (split mode)."""

from typing import Any

from django.core.management.base import BaseCommand

from imadmin.jobs.embedded import BeatPart
from imadmin.live.relay import relay
from imadmin.management.process import require_redis, run_parts
from imadmin.runtime import Loop


class Command(BaseCommand):
    help = "Start scheduled jobs in a process of its own (needs IMADMIN_REDIS_URL). A second one does no harm."
    requires_system_checks: list[str] = []

    def handle(self, **_options: Any) -> None:
        require_redis()
        self.stdout.write("imadmin beat. Stop with Ctrl-C.")
        self.stdout.flush()
        run_parts([Loop(), relay, BeatPart()])
