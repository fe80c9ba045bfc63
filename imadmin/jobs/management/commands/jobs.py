"""`manage.py jobs list|run`."""

import time
from typing import Any

from django.core.management.base import CommandError

from imadmin.clusters import access
from imadmin.clusters.access import SiteScope
from imadmin.config import config
from imadmin.core.commands import ProductCommand
from imadmin.core.errors import Conflict
from imadmin.jobs import actions, queries, registry, work
from imadmin.jobs.embedded import lease
from imadmin.jobs.models import JobRun
from imadmin.jobs.notes import read_error
from imadmin.jobs.queries import SHOWN, RunFilter, RunView

WAIT_SECONDS = 0.3


class Command(ProductCommand):
    help = "Jobs: which ran and how it went; run one now."

    def subcommands(self, add: Any) -> None:
        listing = add.add_parser("list", help="runs, newest first")
        listing.add_argument("--cluster", default="", metavar="SLUG", help="of one cluster (default: of all)")
        listing.add_argument("--state", default="", choices=sorted(SHOWN), metavar="STATE", help=", ".join(SHOWN))
        listing.add_argument("--job", default="", metavar="NAME")
        listing.add_argument("--limit", type=int, default=30)
        run = add.add_parser("run", help="run a job now")
        run.add_argument("name", help=", ".join(sorted(job.name for job in registry.known().values() if job.by_hand)))
        run.add_argument("--cluster", default="", metavar="SLUG", help="needed by jobs that are of a cluster")
        run.add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
        run.add_argument("--wait", action="store_true", help="until it is over; ends with 1 when it went wrong")
        run.add_argument("--reason", default="run by command", help="kept on the audit trail")

    def do_list(self, options: dict[str, Any]) -> None:
        rows = JobRun.objects.select_related("cluster", "policy").order_by("-queued_at", "-pk")
        if options["cluster"]:
            rows = rows.filter(cluster=access.enter_by_command(options["cluster"]).cluster)
        rows = queries.narrowed(rows, RunFilter(job=options["job"], state=options["state"]))
        for row in rows[: max(1, options["limit"])]:
            self.say(line(queries.view(row)))

    def do_run(self, options: dict[str, Any]) -> None:
        scope = scope_of(options["name"], options["cluster"])
        row = actions.run_now(scope, options["name"], params=params_of(options["param"]), reason=options["reason"])
        if is_here := _runs_here(row.pk):
            self.say(f"Run {row.pk} was carried out here: no other process does the jobs of this data folder.")
        else:
            self.say(f"Run {row.pk} is queued.")
        if options["wait"] or is_here:
            row = self._wait(row.pk)
            self.say(line(queries.view(row)))
            if row.state != JobRun.State.DONE:
                raise CommandError(read_error(row.error) or f"The run ended as {row.state}.")

    def _wait(self, run_id: str) -> JobRun:
        while True:
            row = JobRun.objects.select_related("cluster", "policy").get(pk=run_id)
            if row.state not in queries.UNDER_WAY:
                return row
            time.sleep(WAIT_SECONDS)


def scope_of(name: str, slug: str) -> SiteScope:
    """Raises NotFound, CommandError."""
    job = registry.find(name)
    if job.site:
        return access.enter_site_by_command()
    if not slug:
        raise CommandError(f"The job {name} is of one cluster: name it with --cluster SLUG.")
    return access.enter_by_command(slug)


def params_of(pairs: list[str]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise CommandError(f"--param is NAME=VALUE, not {pair}")
        found[name] = value
    return found


def line(run: RunView) -> str:
    when = (run.started_at or run.queued_at).isoformat(timespec="seconds")
    error = read_error(run.error)
    result = error or (run.result or {}).get("say") or ""
    if run.result and run.result.get("params") and not run.error:
        result = str(result) % run.result["params"]
    if run.missed:
        result = f"{run.missed.count} missed, {run.missed.first} to {run.missed.last}. {error}"
    reached = f"{run.reached}/{run.total}" if run.total else str(run.reached or "")
    return "\t".join((run.id, run.job, run.cluster or "site", run.state, when, reached, result))


def _runs_here(run_id: str) -> bool:
    """Where no process carries out jobs (embedded mode, server down) the command does it itself."""
    if config.redis_url:
        return False
    hold = lease()
    try:
        hold.take()
    except Conflict:
        return False
    try:
        return work.execute(run_id)
    finally:
        hold.release()
