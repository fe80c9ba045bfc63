"""What is recorded of a change that raised: failed only where it surely didn't happen."""

import pytest

from imadmin.audit.models import AuditEntry
from imadmin.audit.record import Actor, Target, recorded
from imadmin.gateway.errors import (
    BadReply,
    CircuitOpen,
    ListWriteBroken,
    Rejected,
    TimedOut,
    Uncertain,
    Unreachable,
)  # fmt: skip

HALF = ListWriteBroken(done=(), unsure=("anna",), unsent=(), cause=Rejected())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Rejected(), "failed"),
        (Unreachable(), "failed"),
        (CircuitOpen(), "failed"),
        (BadReply(), "failed"),
        (Uncertain(), "unknown"),
        (TimedOut(), "unknown"),
        (HALF, "unknown"),
        (RuntimeError("a fault of ours"), "unknown"),
    ],
)
def test_a_change_that_raised_is_failed_only_when_it_surely_did_not_happen(error: Exception, outcome: str) -> None:
    with (
        pytest.raises(type(error)),
        recorded(Actor("user", "anna", "page"), "channel.deny", Target("channel", "2/g"), "spam wave"),
    ):
        raise error
    assert AuditEntry.objects.get(phase="outcome").outcome == outcome
