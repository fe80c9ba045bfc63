"""`manage.py audit verify`."""

from typing import Any

from django.core.management.base import CommandError

from imadmin.audit import queries
from imadmin.core.commands import ProductCommand


class Command(ProductCommand):
    help = "The audit trail: prove that no row was altered, removed or slipped in."

    def subcommands(self, add: Any) -> None:
        add.add_parser("verify", help="walk the whole chain; ends with 1 and names the first row that doesn't hold")

    def do_verify(self, _options: dict[str, Any]) -> None:
        report = queries.verify()
        if report.first_bad is not None:
            raise CommandError(f"The chain is broken at row {report.first_bad}: {report.problem}.")
        self.say(f"The chain holds: {report.rows} rows, head {report.head[:8] or 'empty'}.")
