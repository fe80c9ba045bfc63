"""Who is on a list of a channel, with each one's presence and whether they may send there."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.utils.translation import gettext

from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.core.errors import AppError
from imadmin.directory.models import Restriction
from imadmin.directory.queries.channels import ChannelPage, Sending
from imadmin.directory.queries.lists import ListName, cut, holds
from imadmin.directory.remember import open_rows
from imadmin.gateway.types import Answer, NodeFailure, OnlineDevice, now


@dataclass(frozen=True, slots=True)
class ListRow:
    """devices: flags it is online with, None = unknown.  restriction: our own open record of the denial."""

    uid: str
    devices: tuple[int, ...] | None
    sending: Sending
    is_member: bool | None
    restriction: Restriction | None = None


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list, by uid. first: number of its first row, from 1.  matching: rows the filter leaves."""

    rows: tuple[ListRow, ...]
    total: int
    matching: int
    first: int
    next_cursor: str
    presence_failed: tuple[NodeFailure, ...] = field(default=())

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


def list_page(
    scope: Scope, page: ChannelPage, name: ListName, *, q: str = "", cursor: str = "", limit: int = 50
) -> ListPage | None:
    """A list of a channel already read, with presence and standing of each shown; None when it could not be read."""
    uids = page.part(name).value
    if uids is None:
        return None
    found = cut(uids, q=q, cursor=cursor, limit=limit)
    presence = _presence(scope, found.uids)
    rows = open_rows(scope, Restriction.Kind.DENY, channel=page.channel).filter(uid__in=found.uids)
    ours = {row.uid: row for row in rows}
    members = page.members.value
    return ListPage(
        rows=tuple(
            ListRow(
                uid=uid,
                devices=presence.value.get(uid, None if presence.failed else ()),
                sending=page.sending_of(uid),
                is_member=None if members is None else holds(members, uid),
                restriction=ours.get(uid),
            )
            for uid in found.uids
        ),
        total=len(uids),
        matching=found.matching,
        first=found.first,
        next_cursor=found.next_cursor,
        presence_failed=presence.failed,
    )


def _presence(scope: Scope, uids: Sequence[str]) -> Answer[dict[str, tuple[int, ...]]]:
    """Device flags online by uid.  A node that doesn't answer makes those not seen unknown, not offline."""
    if not uids:
        return Answer({}, now())
    try:
        answer: Answer[tuple[OnlineDevice, ...]] = run(scope.gateway.online_devices(uids))
    except AppError as error:
        return Answer({}, now(), failed=(NodeFailure(getattr(error, "node", ""), error.text(gettext), error.code),))
    flags: dict[str, tuple[int, ...]] = {}
    for device in sorted(set(answer.value), key=lambda device: device.flag):
        flags[device.uid] = (*flags.get(device.uid, ()), device.flag)
    return Answer(flags, answer.as_of, answer.nodes, answer.failed)
