"""What this installation itself holds of a cluster: flags it wrote and restrictions it put on people."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Q

from imadmin.accounts.permissions import Permission
from imadmin.clusters.access import Scope
from imadmin.directory.models import FlagRecord, Restriction
from imadmin.gateway.types import ChannelType

NEWEST = 6


@dataclass(frozen=True, slots=True)
class OwnRecords:
    """channels: whose flags we wrote.  newest: the last of them.  restrictions: open ones by kind."""

    channels: int
    newest: tuple[FlagRecord, ...]
    restrictions: dict[str, int]

    @property
    def restricted(self) -> int:
        return sum(self.restrictions.values())


def own_records(scope: Scope) -> OwnRecords:
    scope.require(Permission.VIEW)
    # A person's own entry (bare uid, type 1) holds their bans; it is no channel anyone talks in.
    own_entries = Q(channel_type=ChannelType.PERSON) & ~Q(channel_id__contains="@")
    flags = FlagRecord.objects.filter(cluster=scope.cluster).exclude(own_entries)
    open_ones = Restriction.objects.filter(cluster=scope.cluster, lifted_at=None).values_list("kind", flat=True)
    return OwnRecords(flags.count(), tuple(flags.order_by("-written_at")[:NEWEST]), dict(Counter(open_ones)))
