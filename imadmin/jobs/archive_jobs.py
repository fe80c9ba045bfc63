"""The jobs of archives: whole rounds, quick ones, the index anew, a verification.  Never two that read one cluster."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from imadmin.archive import repair, streams
from imadmin.archive.engines.base import StoreUnavailable
from imadmin.archive.models import Archive
from imadmin.archive.reading import Progress, Reader
from imadmin.archive.stores import engine_of
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.clusters.models import Cluster
from imadmin.core import events
from imadmin.core.errors import Conflict, InvalidInput, gettext_noop
from imadmin.gateway.types import ChannelRef
from imadmin.jobs.models import JobRun
from imadmin.jobs.registry import job
from imadmin.jobs.run import OPEN, Run
from imadmin.monitor import watch
from imadmin.monitor.health_types import ClusterState, Verdict
from imadmin.monitor.models import Event

REPAIR, CATCH_UP, REINDEX, VERIFY = "archive.repair", "archive.catch-up", "archive.reindex", "archive.verify"
STREAMS = "archive.streams"

# What happened to a cluster after which numbers may have been given out anew.
INCIDENTS = ("node_silent", "node_offline", "node_restarted", "slot_leader", "slot_leaders", "leaderless", "no_quorum")
HARMLESS = frozenset({"lagging", "retry_growing", "view_missing", "moving"})
ASK_EVERY = 3.0
QUICK_ENDS_SECONDS = 20.0

CLOSED = gettext_noop("The archive of this cluster is closed.")
CLOSED_HINT = gettext_noop("Open it first.")
BAD_CHANNEL = gettext_noop("Name a channel as type/id, like 2/tea.")
NODE_AWAY = gettext_noop("Not every node of the cluster answers.")
NO_LEADER = gettext_noop("Parts of the cluster have no leader right now.")
IS_DOWN = gettext_noop("The cluster is down.")
NOBODY_KNOWS = gettext_noop("Nobody can say how the cluster is.")
UNWELL = gettext_noop("The cluster is not healthy.")
READ = gettext_noop("%(added)s messages new, %(calls)s calls")
RESTED = gettext_noop("%(added)s messages new, then it had to rest; it goes on by itself")
INDEXED = gettext_noop("The index is built anew")
STOPPED = gettext_noop("Stopped; the index is as it was")
STREAMED = gettext_noop("%(changed)s streams have new text")
SOUND = gettext_noop("Nothing wrong was found")
FAULTS = gettext_noop("%(count)s kinds of faults were found")


def repair_is_due(cluster: Cluster) -> bool:
    """Asked by the schedule: nothing is asked of the cluster here."""
    archive = Archive.objects.filter(pk=cluster.pk, is_on=True).first()
    if archive is None or is_running(cluster, REPAIR):
        return False
    why = why_not(watch.recall(cluster.pk))
    if why != archive.waits_for and (why or archive.waits_for):
        Archive.objects.filter(pk=cluster.pk).update(waits_for=why)
        events.changed(f"{cluster.slug}/archive")
    return not why and repair.is_due(archive, datetime.now(UTC), incident_at=_incident_at(archive))


def catch_up_is_due(cluster: Cluster) -> bool:
    is_on = Archive.objects.filter(pk=cluster.pk, is_on=True, round_ended_at__isnull=False).exists()
    is_free = is_on and not is_running(cluster, REPAIR) and not is_running(cluster, CATCH_UP)
    return is_free and not why_not(watch.recall(cluster.pk))


@job(
    REPAIR,
    title=gettext_noop("Read the cluster into the archive"),
    lost="again",
    seconds=24 * 3600,
    attempts=1000,
    by_hand=True,
    takes=("channel",),
    is_due=repair_is_due,
)
def repair_run(run: Run) -> Mapping[str, Any]:
    """params: {"channel": "2/tea"} reads that one.  What was done is in the store, so beginning anew goes on."""
    scope, archive = _scope(run)
    _let_quick_end(run, scope.cluster)
    reader = Reader(
        scope, should_stop=run.should_stop, may_go_on=health_of(scope), on_progress=lambda found: _tell(run, found)
    )
    if run.params.get("channel"):
        report = repair.one(reader, channel_of(str(run.params["channel"])))
    else:
        report = repair.whole(reader, incident_at=_incident_at(archive))
    say = RESTED if report.rests else READ
    return {"say": say, "params": {"added": report.added, "calls": report.calls}, **report.as_result()}


@job(
    CATCH_UP, title=gettext_noop("Close the newest gaps of the archive"), lost="again", seconds=55, routine=True,
    is_due=catch_up_is_due,
)  # fmt: skip
def catch_up(run: Run) -> Mapping[str, Any]:
    scope, _ = _scope(run)
    stops = _every(1.0, lambda: is_running(scope.cluster, REPAIR))  # that looks after the newest ones too
    reader = Reader(scope, should_stop=lambda: run.should_stop() or stops(), may_go_on=health_of(scope), patience=5.0)
    report = repair.quick(reader)
    return {"say": READ, "params": {"added": report.added, "calls": report.calls}, **report.as_result()}


def streams_are_open(cluster: Cluster) -> bool:
    if not Archive.objects.filter(pk=cluster.pk, is_on=True).exists():
        return False
    if why_not(watch.recall(cluster.pk)):
        return False
    try:
        return bool(streams.unfinished(engine_of(cluster.pk), most=1))
    except StoreUnavailable:  # one archive that is away must not hold up the schedule of all clusters
        return False


@job(
    STREAMS, title=gettext_noop("Read the text of open streams"), lost="again", seconds=55, routine=True,
    is_due=streams_are_open,
)  # fmt: skip
def read_streams(run: Run) -> Mapping[str, Any]:
    scope, _ = _scope(run)
    changed = streams.refresh(scope)
    if changed:
        events.changed(f"{scope.slug}/archive")
    return {"say": STREAMED, "params": {"changed": changed}}


@job(REINDEX, title=gettext_noop("Build the archive's index anew"), lost="again", seconds=24 * 3600, by_hand=True)
def reindex(run: Run) -> Mapping[str, Any]:
    """Beside reading and writing; a run that was cut off begins from the start, the old index serves until the end."""
    cluster = _cluster(run)
    engine = engine_of(cluster.pk)
    total = engine.totals().messages
    run.beat(0, total)
    is_done = engine.reindex(should_stop=run.should_stop, tell=lambda count: run.beat(count, max(total, count)))
    events.changed(f"{cluster.slug}/archive")
    return {"say": INDEXED if is_done else STOPPED, "params": {}, "is_over": is_done}


@job(VERIFY, title=gettext_noop("Verify the archive"), lost="again", seconds=24 * 3600, by_hand=True)
def verify(run: Run) -> Mapping[str, Any]:
    engine = engine_of(_cluster(run).pk)
    engine.measure()
    found = []
    for fault in engine.verify(should_stop=run.should_stop):
        found.append({"what": fault.what, "count": fault.count, "examples": list(fault.examples)[:10]})
        run.beat(len(found), note=fault.what)
    return {"say": FAULTS if found else SOUND, "params": {"count": len(found)}, "faults": found}


def why_not(state: ClusterState | None) -> str:
    """Why nothing should be read from the cluster now (a msgid); "" when it may, or when nobody looked yet."""
    if state is None or state.verdict is Verdict.HEALTHY:
        return ""
    codes = [finding.code for finding in state.findings if finding.level != "note" and finding.code not in HARMLESS]
    if state.verdict is Verdict.DOWN or "nobody_answers" in codes:
        return IS_DOWN
    if state.verdict is Verdict.UNKNOWN:
        return NOBODY_KNOWS if state.nodes else ""
    if {"silent", "called_offline", "refused"} & set(codes):
        return NODE_AWAY
    if {"leaderless", "no_quorum", "no_config_leader", "leaders_disagree", "electing"} & set(codes):
        return NO_LEADER
    return UNWELL if codes else ""


def health_of(scope: Scope) -> Callable[[], str]:
    """The question a reader asks before each step, answered from a look that is a few seconds old."""
    asked_at, answer = -ASK_EVERY, ""

    def ask() -> str:
        nonlocal asked_at, answer
        if time.monotonic() - asked_at >= ASK_EVERY:
            answer = why_not(watch.state(scope, fresh=10.0))
            asked_at = time.monotonic()
        return answer

    return ask


def is_running(cluster: Cluster, name: str) -> bool:
    return JobRun.objects.filter(job=name, cluster=cluster, state__in=OPEN).exists()


def channel_of(text: str) -> ChannelRef:
    kind, slash, name = text.partition("/")
    if not slash or not name or not kind.isascii() or not kind.isdecimal() or int(kind) > 255:
        raise InvalidInput({"channel": [BAD_CHANNEL]}, BAD_CHANNEL)
    return ChannelRef(name, int(kind))


def _scope(run: Run) -> tuple[Scope, Archive]:
    cluster = _cluster(run)
    archive = Archive.objects.filter(pk=cluster.pk, is_on=True).first()
    if archive is None:
        raise Conflict(CLOSED, hint=CLOSED_HINT)
    return access.enter_by_job(cluster, on_behalf_of=run.actor), archive


def _cluster(run: Run) -> Cluster:
    if run.cluster is None:
        raise ValueError(f"the job {run.job.name} is of one cluster")
    return run.cluster


def _incident_at(archive: Archive) -> datetime | None:
    """The first of what happened since the last round began."""
    if archive.round_started_at is None:
        return None
    rows = Event.objects.filter(cluster=archive.cluster_id, kind__in=INCIDENTS, at__gt=archive.round_started_at)
    return rows.order_by("at").values_list("at", flat=True).first()


def _let_quick_end(run: Run, cluster: Cluster) -> None:
    until = time.monotonic() + QUICK_ENDS_SECONDS
    rows = JobRun.objects.filter(job=CATCH_UP, cluster=cluster, state=JobRun.State.RUNNING)
    while rows.exists() and time.monotonic() < until and not run.should_stop():
        time.sleep(0.2)


def _tell(run: Run, found: Progress) -> None:
    run.beat(found.numbers, found.numbers + found.left)


def _every(seconds: float, ask: Callable[[], bool]) -> Callable[[], bool]:
    at, answer = -seconds, False

    def asked() -> bool:
        nonlocal at, answer
        if time.monotonic() - at >= seconds:
            at, answer = time.monotonic(), ask()
        return answer

    return asked
