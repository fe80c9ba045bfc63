"""`manage.py web`: pages, API, sockets and the webhook's door (split mode)."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from imadmin.config import config
from imadmin.management.commands.up import check_port, serve
from imadmin.management.process import require_redis


class Command(BaseCommand):
    help = "Serve pages and API in a process of its own (needs IMADMIN_REDIS_URL); as many of them as you like."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=config.host)
        parser.add_argument("--port", type=int, default=config.port)

    def handle(self, *, host: str, port: int, **_options: Any) -> None:
        require_redis()
        check_port(host, port)
        check_migrated()
        self.stdout.write(f"imadmin web on {host} port {port}. Stop with Ctrl-C.")
        self.stdout.flush()
        serve(host, port)


def check_migrated() -> None:
    """Raises CommandError: several processes that start together must not all change the tables."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise CommandError(
            "The database isn't up to date. Run `manage.py migrate` once, then start the processes;\n"
            "the first person is added with `manage.py person add NAME --owner`."
        )
