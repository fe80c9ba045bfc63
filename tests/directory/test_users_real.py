"""The same promises against a real server with live clients; runs when the environment names one.

Its people and groups are new ones with every run; waits are the real ones, so this takes about a minute.
"""

import json
import os
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from imadmin.accounts.permissions import Permission
from imadmin.audit.models import AuditEntry
from imadmin.audit.record import Actor
from imadmin.clusters.access import Scope
from imadmin.clusters.models import Cluster
from imadmin.core import crypto
from imadmin.core.aio import run
from imadmin.core.outcomes import Result
from imadmin.directory.actions import restrictions, sessions
from imadmin.directory.queries import users
from imadmin.directory.queries.sending import may_send
from imadmin.gateway.types import ChannelFlags, ChannelRef
from tests.directory.wsclient import LiveClient, LoginRefused

ENV = {name: os.environ.get(f"IMADMIN_TEST_WUKONGIM_{name}", "") for name in (
    "API", "MANAGER", "WS", "TOKEN", "JWT_USER", "JWT_PASSWORD", "NODE_WS", "NODE_APIS",
)}  # fmt: skip
SOCKETS = [url for url in (ENV["NODE_WS"] or ENV["WS"]).split(",") if url]
pytestmark = [
    pytest.mark.real,
    pytest.mark.django_db,
    pytest.mark.skipif(not ENV["API"], reason="no real server is named"),
]


@pytest.fixture
def scope() -> Iterator[Scope]:
    cluster = Cluster.objects.create(
        slug="real", name="real", api_url=ENV["API"], manager_url=ENV["MANAGER"],
        sealed_token=crypto.seal(ENV["TOKEN"]), jwt_user=ENV["JWT_USER"],
        sealed_jwt_password=crypto.seal(ENV["JWT_PASSWORD"]),
    )  # fmt: skip
    yield Scope(Actor("user", "tester", "page"), frozenset(Permission), cluster)


@pytest.fixture
def uid() -> str:
    return f"usr-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def group(scope: Scope, uid: str) -> ChannelRef:
    channel = ChannelRef(f"grp-{uid}", 2)
    run(scope.gateway.create_channel(channel, ChannelFlags(), [uid]))
    return channel


def log_in(uid: str, node: int, **fields: Any) -> LiveClient:
    """The server now and then drops a handshake: try again."""
    for attempt in range(3):
        try:
            return LiveClient(SOCKETS[node % len(SOCKETS)], uid, device=f"dev-{node}", **fields)
        except (OSError, EOFError):
            if attempt == 2:
                raise
            time.sleep(0.3)
    raise AssertionError


def give_token(scope: Scope, uid: str, flag: int) -> str:
    """A device row, as a backend makes one."""
    token = f"tok-{uuid.uuid4().hex}"
    body = {"uid": uid, "token": token, "device_flag": flag, "device_level": 0}
    run(scope.gateway.link.change("set_token", "/user/token", body))  # type: ignore[attr-defined]
    return token


def test_logs_out_of_every_node(scope: Scope, uid: str, group: ChannelRef) -> None:
    token = give_token(scope, uid, 1)
    clients = [log_in(uid, node, token=token) for node in range(3)]
    time.sleep(1)
    assert len(users.user(scope, uid).sessions.value) == 3
    report = sessions.log_out(scope, uid, reason="proving it")
    assert report.verdict == "done", report.outcomes
    assert report.remaining == ()
    view = users.user(scope, uid)
    assert (view.is_online, [one.has_token for one in view.devices.value]) == (False, [False])
    for client in clients:
        client.listen(0.3)
        assert client.disconnects
        client.close()
    trail = json.dumps(list(AuditEntry.objects.values("before", "after", "detail")), default=str)
    assert token not in trail and token not in repr(report) and token not in repr(view)


def test_kicks_one_of_two(scope: Scope, uid: str, group: ChannelRef) -> None:
    with log_in(uid, 0) as first, log_in(uid, 1) as second:
        time.sleep(1)
        row = users.user(scope, uid).sessions.value[0]
        report = sessions.kick(scope, uid, node_id=row.node_id, session_id=row.id, reason="proving it")
        assert [step.result for step in report.steps] == [Result.DONE]
        assert report.remaining is not None and len(report.remaining) == 1
        first.listen(0.3)
        second.listen(0.3)
        assert sorted(bool(client.disconnects) for client in (first, second)) == [False, True]


def test_kept_out_silenced_and_let_in_again(scope: Scope, uid: str, group: ChannelRef) -> None:
    with log_in(uid, 1) as client:
        assert client.send(group.id, 2) == 1
        report = restrictions.keep_out(scope, uid, reason="proving it")
        assert report.verdict == "done", report.outcomes
        before = run(scope.gateway.max_seq(group))
        client.send(group.id, 2, "from a socket left behind", wait=1)
        time.sleep(0.5)
        assert run(scope.gateway.max_seq(group)) == before
    with pytest.raises(LoginRefused):
        log_in(uid, 0)
    assert may_send(scope, uid, group).reason == 25
    assert restrictions.let_in(scope, uid, reason="proving it").verdict == "done"
    with log_in(uid, 2) as client:
        assert client.send(group.id, 2) == 1


def test_says_what_the_server_answers(scope: Scope, uid: str, group: ChannelRef) -> None:
    """The table of the order of checks, one change after the other, each compared with the very next send."""
    gateway, peer = scope.gateway, f"{uid}-peer"

    def agree(client: LiveClient, channel: ChannelRef, expected: int) -> None:
        found = may_send(scope, uid, channel)
        said = 1 if found.answer else int(found.reason or 0)
        assert (said, client.send(channel.id, channel.type)) == (expected, expected), found.checks

    with log_in(uid, 2) as client:
        agree(client, group, 1)
        run(gateway.set_allowlist(group, ["somebody"]))
        agree(client, group, 13)
        run(gateway.add_to_denylist(group, [uid]))
        agree(client, group, 4)
        run(gateway.set_flags(group, ChannelFlags(disband=True)))
        agree(client, group, 24)
        run(gateway.set_flags(group, ChannelFlags(ban=True, disband=True)))
        agree(client, group, 19)
        restrictions.stop_sending(scope, uid, reason="proving it")
        agree(client, group, 25)
        restrictions.allow_sending(scope, uid, reason="proving it")
        run(gateway.set_flags(group, ChannelFlags()))
        run(gateway.remove_from_denylist(group, [uid]))
        run(gateway.set_allowlist(group, []))
        agree(client, group, 1)
        run(gateway.remove_subscribers(group, [uid]))
        agree(client, group, 3)
        agree(client, ChannelRef(peer, 1), 1)
        run(gateway.add_to_denylist(ChannelRef.inbox(peer), [uid]))
        agree(client, ChannelRef(peer, 1), 4)
        run(gateway.set_flags(ChannelRef.person(uid, peer), ChannelFlags(ban=True)))
        agree(client, ChannelRef(peer, 1), 19)
        agree(client, ChannelRef(f"kf-{uid}", 3), 1)
