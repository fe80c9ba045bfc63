"""The flags of a channel: two the server tells, three it doesn't (reference 2.3), shown as we last wrote them."""

from dataclasses import dataclass

from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.directory.models import FlagRecord
from imadmin.directory.parts import Part
from imadmin.directory.plans import state_of
from imadmin.gateway.types import ChannelRecord, ChannelRef, now

FLAGS = ("ban", "disband", "send_ban", "allow_stranger", "large")
READABLE_FLAGS = ("ban", "disband")


@dataclass(frozen=True, slots=True)
class FlagValue:
    """source: server (read now) | record (what we last wrote) | unknown (then value is None)."""

    name: str
    value: bool | None
    source: str


@dataclass(frozen=True, slots=True)
class FlagState:
    """The five flags. record: what we last wrote, shown also when outdated.  state: what `set_flags` compares."""

    values: tuple[FlagValue, ...]
    record: FlagRecord | None
    is_record_outdated: bool
    state: str

    def get(self, name: str) -> bool | None:
        return next(value.value for value in self.values if value.name == name)

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(value.name for value in self.values if value.value is None)


def flag_state(scope: Scope, channel: ChannelRef, record: Part[ChannelRecord | None]) -> FlagState:
    """Two flags as the server tells them, three as we last wrote them, unless somebody else has written since."""
    ours = FlagRecord.objects.filter(cluster=scope.cluster, channel_type=channel.type, channel_id=channel.id).first()
    told = {name: bool(record.value and getattr(record.value, name)) for name in READABLE_FLAGS if record.is_known}
    # The server writes all five at once: when the two we can see are not ours, neither are the other three.
    is_outdated = bool(ours and any(getattr(ours, name) != value for name, value in told.items()))
    values = []
    for name in FLAGS:
        if name in READABLE_FLAGS:
            values.append(FlagValue(name, told.get(name), "server" if name in told else "unknown"))
        elif ours and not is_outdated:
            values.append(FlagValue(name, getattr(ours, name), "record"))
        else:
            values.append(FlagValue(name, None, "unknown"))
    return FlagState(tuple(values), ours, is_outdated, state_of(told, [value.value for value in values]))


def read_flags(scope: Scope, channel: ChannelRef) -> FlagState:
    """The flags alone, for a change.  Raises GatewayError when the server can't tell what they are now."""
    return flag_state(scope, channel, Part(run(scope.gateway.channel(channel)), now()))
