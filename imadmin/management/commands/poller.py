"""`manage.py poller`: watches the clusters (split mode)."""

from typing import Any

from django.core.management.base import BaseCommand

from imadmin.live.poller import Poller
from imadmin.live.relay import relay
from imadmin.management.process import require_redis, run_parts
from imadmin.runtime import Gateways, Loop


class Command(BaseCommand):
    help = "Watch the clusters in a process of its own (needs IMADMIN_REDIS_URL). A second one stands by."
    requires_system_checks: list[str] = []

    def handle(self, **_options: Any) -> None:
        require_redis()
        self.stdout.write("imadmin poller. Stop with Ctrl-C.")
        self.stdout.flush()
        run_parts([Loop(), Gateways(), relay, Poller()])
