"""Our own record of who was stopped from what: Restriction rows, opened and lifted after the cluster was read back.

Called by actions once they know what came of a change; calling twice changes nothing more.  Nothing is sent from here.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import QuerySet

from imadmin.clusters.access import Scope
from imadmin.directory.models import Restriction
from imadmin.gateway.types import ChannelRef


def remember(
    scope: Scope,
    kind: Restriction.Kind | str,
    uids: Iterable[str],
    *,
    channel: ChannelRef | None = None,
    until: datetime | None = None,
    reason: str,
) -> tuple[Restriction, ...]:
    """Open one row a uid, in the order given; a row already open takes the new end and reason and stays one row.

    channel: where it holds, None for login and sending as a whole.  until: aware, None = until lifted.
    """
    rows = []
    with transaction.atomic():
        for uid in dict.fromkeys(uids):
            row, is_new = Restriction.objects.get_or_create(
                cluster=scope.cluster,
                kind=Restriction.Kind(kind),
                uid=uid,
                lifted_at=None,
                **_place(channel),
                defaults={"reason": reason, "until": until, "created_by": scope.actor.name},
            )
            if not is_new and (row.until, row.reason) != (until, reason):
                row.until, row.reason = until, reason
                row.lift_tries, row.lift_again_at, row.lift_error = 0, None, ""
                row.save(update_fields=["until", "reason", "lift_tries", "lift_again_at", "lift_error"])
            rows.append(row)
    return tuple(rows)


def forget(
    scope: Scope, kind: Restriction.Kind | str, uids: Iterable[str], *, channel: ChannelRef | None = None
) -> int:
    """Lift the open rows of these uids; they stay as history.  Returns how many were open."""
    wanted, lifted = list(dict.fromkeys(uids)), 0
    end = {"lifted_at": datetime.now(UTC), "lifted_by": scope.actor.name}
    with transaction.atomic():
        for start in range(0, len(wanted), 500):  # SQLite has a bound on parameters
            chunk = wanted[start : start + 500]
            lifted += open_rows(scope, kind, channel=channel).filter(uid__in=chunk).update(**end)
    return lifted


def open_rows(
    scope: Scope, kind: Restriction.Kind | str, *, channel: ChannelRef | None = None
) -> QuerySet[Restriction]:
    """The open rows of one kind in one place."""
    return Restriction.objects.filter(
        cluster=scope.cluster, kind=Restriction.Kind(kind), lifted_at=None, **_place(channel)
    )


def _place(channel: ChannelRef | None) -> dict[str, object]:
    return {"channel_type": channel.type if channel else None, "channel_id": channel.id if channel else ""}
