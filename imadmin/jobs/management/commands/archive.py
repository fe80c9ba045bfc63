"""`manage.py archive on|off|stats|backfill|reindex|verify SLUG`."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import CommandError
from django.db import close_old_connections

from imadmin.archive import completeness, running
from imadmin.archive.engines.base import Engine
from imadmin.archive.rows import Coverage
from imadmin.archive.stores import engine_of
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.config import config
from imadmin.core.commands import ProductCommand
from imadmin.core.errors import Conflict
from imadmin.jobs import actions, archives, recovery, work
from imadmin.jobs.archive_jobs import REINDEX, REPAIR, VERIFY
from imadmin.jobs.embedded import lease
from imadmin.jobs.models import JobRun
from imadmin.jobs.notes import read_error
from imadmin.jobs.run import OPEN, ask_to_stop

LOOK_SECONDS = 0.25
REASON = "by command"
GAPS_TOLD, RANGES_TOLD = 10, 5


class Command(ProductCommand):
    help = "The message archive of one cluster: open and close it, fill it, look after it."

    def subcommands(self, add: Any) -> None:
        for name, what in (
            ("on", "open it: messages are kept from now on, older ones are read by the first round"),
            ("off", "close it; what is there stays and can be searched"),
            ("stats", "counts, bytes and gaps"),
            ("backfill", "read what is missing from the cluster, here and now; cut off anywhere, begin it again"),
            ("reindex", "build the search index anew, beside reading and writing"),
            ("verify", "compare index, messages and ranges; ends with 1 when something is wrong"),
        ):
            each = add.add_parser(name, help=what)
            each.add_argument("slug", metavar="SLUG")
            if name != "stats":
                each.add_argument("--reason", default=REASON, help="kept on the audit trail")
            if name == "on":
                each.add_argument("--budget", type=int, default=None, help="calls a second to each node, at most")
            if name in ("backfill", "reindex", "verify"):
                each.add_argument("--every", type=float, default=2.0, metavar="SECONDS", help="between two lines")

    def do_on(self, options: dict[str, Any]) -> None:
        scope = access.enter_by_command(options["slug"])
        cost = running.estimate(scope, budget=options["budget"])
        least = "" if cost.is_whole else "at least "
        self.say(f"{least}{cost.channels} channels, {cost.messages} messages, {cost.calls} calls, about "
                 f"{cost.seconds:.0f} s at {cost.budget} calls a second, {_size(cost.bytes)} on disk")  # fmt: skip
        archives.open_(scope, reason=options["reason"], budget=options["budget"])
        self.say("The archive is open. The first round begins with the next worker, or now: manage.py archive backfill")

    def do_off(self, options: dict[str, Any]) -> None:
        archives.close(access.enter_by_command(options["slug"]), reason=options["reason"])
        self.say("The archive is closed.")

    def do_stats(self, options: dict[str, Any]) -> None:
        scope = access.enter_by_command(options["slug"])
        engine_of(scope.cluster.pk).measure()
        found = completeness.status(scope)
        totals, coverage = found.totals, found.coverage
        rows = {
            "state": found.state,
            "messages": totals.messages,
            "channels": coverage.channels,
            "numbers known": coverage.expected,
            "numbers missing": coverage.missing,
            "channels with gaps": coverage.with_gaps,
            "channels never read": coverage.unread,
            "channels not listed": coverage.unlisted,
            "missing of those": coverage.missing_unlisted,
            "bytes": totals.bytes,
            "bytes a message": round(totals.bytes / totals.messages) if totals.messages else 0,
            "index share": f"{totals.index_bytes / totals.bytes:.0%}" if totals.bytes else "0%",
            "complete up to": found.up_to.isoformat(timespec="seconds") if found.up_to else "never",
            "last round": found.round_ended_at.isoformat(timespec="seconds") if found.round_ended_at else "never",
            "last by webhook": found.feed_seen_at.isoformat(timespec="seconds") if found.feed_seen_at else "never",
            "parts not understood": totals.broken,
        }
        for name, value in rows.items():
            self.say(f"{name}\t{value}")
        self._gaps(engine_of(scope.cluster.pk), coverage)

    def do_backfill(self, options: dict[str, Any]) -> None:
        scope = access.enter_by_command(options["slug"])
        row = self._carried_out(scope, REPAIR, lambda: archives.read_now(scope, reason=options["reason"]), options)
        if not (row.result or {}).get("is_over"):
            why = running.row_of(scope).waits_for or "the cluster did not tell all of its channels"
            raise CommandError(f"Not everything is read: {why}  Begin it again to go on.")
        self._must_be_whole(engine_of(scope.cluster.pk).coverage())

    def do_reindex(self, options: dict[str, Any]) -> None:
        scope = access.enter_by_command(options["slug"])
        self._carried_out(scope, REINDEX, lambda: actions.run_now(scope, REINDEX, reason=options["reason"]).pk, options)

    def do_verify(self, options: dict[str, Any]) -> None:
        scope = access.enter_by_command(options["slug"])
        row = self._carried_out(
            scope, VERIFY, lambda: actions.run_now(scope, VERIFY, reason=options["reason"]).pk, options
        )
        faults = (row.result or {}).get("faults", [])
        totals = engine_of(scope.cluster.pk).totals()
        self.say(f"checked\t{totals.messages} messages, {totals.channels} channels, {_size(totals.bytes)}: that the "
                 "store is sound, index and messages agree, a sample is found by its words, and numbers, ranges and "
                 "counts fit")  # fmt: skip
        self.say(f"found\t{len(faults)} kinds of faults" if faults else "found\tnothing wrong")
        for fault in faults:
            self.say(f"{fault['count']}\t{fault['what']}\t{', '.join(fault['examples'])}")
        if faults:
            raise CommandError("The archive has faults.")

    def _gaps(self, engine: Engine, coverage: Coverage) -> None:
        """The first channels with gaps, and how many more there are: one line each."""
        holds = engine.behind(most=GAPS_TOLD)
        for hold in holds:
            gaps = ", ".join(f"{first}-{last}" for first, last in hold.gaps[:RANGES_TOLD])
            more = len(hold.gaps) - RANGES_TOLD
            rest = f" and {more} more" if more > 0 else ""
            unlisted = "\tnot listed by the server" if hold.is_unlisted else ""
            self.say(f"gap\t{hold.channel}\t{gaps}{rest}\t{hold.missing}{unlisted}")
        if coverage.with_gaps > len(holds):
            self.say(f"gap\t… and {coverage.with_gaps - len(holds)} more channels")

    def _must_be_whole(self, coverage: Coverage) -> None:
        """Ends the command with 3 when nothing is missing but what the server doesn't have (any more), else with 1."""
        if not coverage.missing:
            return
        left = coverage.missing - coverage.missing_unlisted
        why = []
        if left:
            why.append(f"{coverage.with_gaps - coverage.unlisted} channels, {left} messages could not be read now: "
                       "begin it again.")  # fmt: skip
        if coverage.unlisted:
            why.append(f"The server doesn't list {coverage.unlisted} channels, {coverage.missing_unlisted} messages: "
                       "they can't be read.")  # fmt: skip
        raise CommandError("Not everything is read.  " + "  ".join(why), returncode=1 if left else 3)

    # -- running a job in the foreground ---------------------------------------------------------------------------

    def _carried_out(self, scope: Scope, name: str, begin: Callable[[], str], options: dict[str, Any]) -> JobRun:
        """By this process where no other carries out jobs, else by that one, followed from here.

        Ends the command with 130 when it is interrupted: the run is told to stop, what it did stays.
        """
        with _place_of_worker() as is_ours:
            if is_ours:
                recovery.recover(alone_as=work.process_name())  # one that was killed doesn't stand in the way
            run_id = _open_run(scope, name) or begin()
            if is_ours:
                thread = threading.Thread(target=_execute, args=(run_id,), name="imadmin-archive", daemon=True)
                thread.start()
            row = self._followed(run_id, options["every"])
        if row.state != JobRun.State.DONE:
            raise CommandError(read_error(row.error) or f"The run ended as {row.state}.")
        return row

    def _followed(self, run_id: str, every: float) -> JobRun:
        began = told_at = time.monotonic()
        is_told = False
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            while True:
                try:
                    row = JobRun.objects.get(pk=run_id)
                    if row.state not in OPEN:
                        break
                    if time.monotonic() - told_at >= every:
                        told_at = time.monotonic()
                        self.say(_line(row, told_at - began))
                        self.stdout.flush()
                    time.sleep(LOOK_SECONDS)
                except KeyboardInterrupt:
                    if is_told:
                        raise
                    is_told = ask_to_stop(run_id)
                    self.say("Stopping after the piece at hand…")
        finally:
            signal.signal(signal.SIGTERM, before)
        self.say(_line(row, time.monotonic() - began))
        if is_told:
            raise CommandError("Stopped. Begin it again to go on.", returncode=130)
        return row


def _execute(run_id: str) -> None:
    try:
        work.execute(run_id)
    finally:
        close_old_connections()


def _open_run(scope: Scope, name: str) -> str:
    rows = JobRun.objects.filter(job=name, cluster=scope.cluster, params={}, state__in=OPEN)
    return rows.order_by("queued_at").values_list("pk", flat=True).first() or ""


@contextmanager
def _place_of_worker() -> Iterator[bool]:
    """Whether this process is the one that carries out jobs meanwhile."""
    if config.redis_url:
        yield False
        return
    hold = lease()
    try:
        hold.take()
    except Conflict:
        yield False
        return
    try:
        yield True
    finally:
        hold.release()


def _line(row: JobRun, seconds: float) -> str:
    rate = row.reached / seconds if seconds > 0 else 0.0
    left = (
        f", about {(row.total - row.reached) / rate:.0f} s left"
        if row.total and rate and row.total > row.reached
        else ""
    )
    of = f"/{row.total}" if row.total else ""
    return f"{row.state}\t{row.reached}{of} messages, {rate:.0f} a second{left}"


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
