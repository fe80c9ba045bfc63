"""One run of a policy: look, leave out what is held, keep to the cap, stop when it is too much, do, count.

A simulation is the same run without the doing; what it found is what a real run at that moment would touch.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from imadmin.clusters import access
from imadmin.clusters.cleanup import Finding, Target
from imadmin.clusters.models import Cluster
from imadmin.core.errors import Conflict, gettext_noop
from imadmin.core.outcomes import Outcomes
from imadmin.jobs.models import Hold, Policy
from imadmin.jobs.policy.actions import require_simulated
from imadmin.jobs.policy.kinds import Kind, kind_of
from imadmin.jobs.registry import job
from imadmin.jobs.run import Run

SHOWN = 500  # of what it would touch, or could not
SMALL = 20  # so few are never too much: one of one is not an accident

REASON = gettext_noop("Cleanup policy “%(title)s” (%(id)s)")
TOO_MUCH = gettext_noop(
    "It would touch %(count)s of %(looked_at)s, more than the %(percent)s%% it may. Nothing was touched: look at the "
    "simulation, then raise the limit or narrow the policy."
)
GONE = gettext_noop("The policy is gone.")
SIMULATED = gettext_noop("Would touch %(count)s of %(looked_at)s")
NOTHING = gettext_noop("Nothing to clean up")
DID = gettext_noop("%(done)s done of %(count)s found")


@job("policy.run", title=gettext_noop("Cleanup policy"), lost="again", seconds=6 * 3600, apart_by=("simulate",))
def policy_run(run: Run) -> Mapping[str, Any]:
    """params: {"simulate": true} looks and touches nothing."""
    policy = run.policy
    if policy is None or policy.cluster is None:
        raise Conflict(GONE)
    if not run.params.get("simulate"):
        require_simulated(policy)  # it may have been changed since this run was wanted
    kind = kind_of(policy.kind)
    scope = access.enter_by_job(policy.cluster, on_behalf_of=f"policy {policy.pk}")
    found = kind.look(scope, policy.params, run.should_stop)
    if run.should_stop():
        return {"is_complete": False}  # what it did not see it can't judge: nothing is touched, nothing was simulated
    held = held_in(policy.cluster, found.targets) if kind.has_holds else frozenset()
    free = [target for position, target in enumerate(found.targets) if position not in held]
    count = len(free) if found.targets else found.count
    room = max(0, policy.cap - _behind(run))
    result = _counted(found, free, len(held), count, room)
    if run.params.get("simulate"):
        Policy.objects.filter(pk=policy.pk, updated_at=policy.updated_at).update(simulated_at=datetime.now(UTC))
        return {**result, "simulated": True, "say": SIMULATED if count else NOTHING,
                "params": {"count": count, "looked_at": found.looked_at}}  # fmt: skip
    if count > SMALL and found.looked_at and count * 100 > policy.stop_above * found.looked_at:
        figures = {"count": count, "looked_at": found.looked_at, "percent": policy.stop_above}
        raise Conflict(TOO_MUCH, params=figures)
    todo: Sequence[Any] = free[:room] if found.targets else range(min(room, count))
    if not todo:
        return result | {"say": NOTHING, "params": {}, "done": 0}
    return result | _do(run, kind, scope, policy, todo, count)


def held_in(cluster: Cluster, targets: Sequence[Target]) -> frozenset[int]:
    """Positions of the targets that a hold protects: by user or by channel."""
    uids, channels = set(), set()
    for hold in Hold.objects.filter(cluster=cluster, lifted_at=None).iterator():
        if hold.uid:
            uids.add(hold.uid)
        else:
            channels.add((hold.channel_type, hold.channel_id))
    return frozenset(
        position
        for position, target in enumerate(targets)
        if target.uid in uids or (target.channel and (int(target.channel.type), target.channel.id) in channels)
    )


def _behind(run: Run) -> int:
    """What earlier attempts of this run went through: a run that is taken up again keeps to its one cap."""
    return run.row.reached if run.attempt > 1 else 0


def _counted(found: Finding, free: Sequence[Target], held: int, count: int, room: int) -> dict[str, Any]:
    return {
        "looked_at": found.looked_at,
        "found": count,
        "held": held,
        "left_for_next": max(0, count - room),
        "is_complete": found.is_complete,
        "notes": list(found.notes),
        "targets": [target.label for target in free[: min(SHOWN, room)]],
    }


def _do(
    run: Run, kind: Kind, scope: access.Scope, policy: Policy, targets: Sequence[Any], count: int
) -> dict[str, Any]:
    reason = REASON % {"title": kind.title, "id": policy.pk}
    behind = _behind(run)
    run.beat(reached=behind, total=behind + len(targets))
    did = kind.act(scope, targets, policy.params, reason, run.should_stop, lambda reached: run.beat(behind + reached))
    counts = Counter(did.counts()) if isinstance(did, Outcomes) else Counter(done=did)
    run.beat(reached=behind + sum(counts.values()))
    bad = [
        [item.target, item.result.value, item.detail]
        for item in (did.items if isinstance(did, Outcomes) else ())
        if item.result.value in ("failed", "unknown")
    ]
    return {
        **{word: counts[word] for word in ("done", "already", "not_found", "failed", "unknown") if counts[word]},
        "done": counts["done"],
        "not_done": bad[:SHOWN],
        "say": DID,
        "params": {"done": counts["done"], "count": count},
    }
