"""A small conversation on a cluster of one's own."""

import pytest

from tests.archive.engines import engine, new_engine  # noqa: F401  fixtures
from tests.archive.export_stage import exported, registered, talk  # noqa: F401  fixtures


@pytest.fixture
def told(sim):
    """told("anna", "team", "hello") stores a message and returns it; a person chat with channel_type=1."""

    def tell(from_uid, channel_id, payload="hello", channel_type=2, **fields):
        return sim.call(lambda state: state.add_message(from_uid, channel_id, payload, channel_type, **fields))

    return tell


@pytest.fixture
def trail(db):
    """The rows of the trail for one action, oldest first."""
    from imadmin.audit.models import AuditEntry

    return lambda action: list(AuditEntry.objects.filter(action=action).order_by("id"))
