"""`manage.py sample [--cluster SLUG]`: one minute of every cluster, rolled up.  For a scheduler of one's own."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from imadmin.clusters.models import Cluster
from imadmin.monitor import activity, rollup, sampling


class Command(BaseCommand):
    help = "Sample every cluster once (or one of them) and roll up. The same minute twice changes nothing."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--cluster", metavar="SLUG", help="only this one")
        parser.add_argument("--channels", action="store_true", help="walk on over the channels too")

    def handle(self, *_args: Any, **options: Any) -> None:
        clusters = Cluster.objects.order_by("slug")
        if options["cluster"]:
            clusters = clusters.filter(slug=options["cluster"])
            if not clusters:
                raise CommandError(f"There is no cluster {options['cluster']}.")
        for cluster in clusters:
            self.stdout.write(self._line(sampling.sample(cluster)))
            rollup.roll(cluster)
            if options["channels"]:
                walked = activity.walk(cluster)
                self.stdout.write(f"{cluster.slug}: {walked.read} channels read, {walked.messages} messages in them")

    def _line(self, report: sampling.SampleReport) -> str:
        minute = f"{report.minute:%Y-%m-%d %H:%M} UTC"
        if report.was_there:
            return f"{report.cluster}: {minute} was sampled already"
        line = f"{report.cluster}: {minute}, {report.answered} of {report.nodes} nodes answered"
        return f"{line} ({report.failure})" if report.failure else line
