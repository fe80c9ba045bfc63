"""`manage.py simulate`: a WuKongIM-compatible cluster on loopback, for trying things out."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from imadmin.simulator import command


class Command(BaseCommand):
    help = "Run a simulated WuKongIM cluster on loopback until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        command.add_arguments(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        command.handle(options, self.stdout.write)
