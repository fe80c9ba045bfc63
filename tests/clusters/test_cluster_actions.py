"""Clusters are added, changed, tested and removed; secrets stay sealed and go nowhere new; all of it is recorded."""

import time
from dataclasses import replace
from typing import Any

import pytest

from imadmin.accounts.permissions import Permission
from imadmin.audit.models import AuditEntry
from imadmin.clusters import access, actions, connect, queries
from imadmin.clusters.models import Cluster, Grant
from imadmin.core import aio, crypto
from imadmin.core.errors import Forbidden, InvalidInput, NotFound
from imadmin.gateway.errors import Uncertain
from imadmin.gateway.types import ChannelFlags, ChannelRef
from tests.clusters.drafts import draft_of, owner_scope


@pytest.fixture
def added(sim: Any, db: None) -> Cluster:
    return actions.add_cluster(owner_scope(), draft_of(sim), reason="the first cluster")


def refused(act: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as error:
        act()
    return error.value.fields


def step(report: Any, code: str) -> Any:
    return next(each for each in report.steps if each.code == code)


def test_an_added_cluster_can_be_reached_and_its_secrets_are_sealed(added: Cluster) -> None:
    assert crypto.unseal(added.sealed_token) == "sim-token"
    assert "sim-token" not in str(Cluster.objects.values().get())
    assert queries.status(access.enter_by_command("prod-sh")).verdict == "ok"


def test_no_secret_is_on_the_trail(added: Cluster, sim: Any) -> None:
    actions.edit_cluster(owner_scope(), "prod-sh", draft_of(sim, token="other-token"), reason="rotated the token")
    actions.test_cluster(owner_scope(), "prod-sh")
    trail = str(list(AuditEntry.objects.values()))
    assert "sim-token" not in trail and "other-token" not in trail and "'pwd'" not in trail
    after = AuditEntry.objects.filter(action="cluster.edit", phase="outcome").get().after
    assert after["token"] == "stored anew"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", ""),
        ("slug", "Prod SH"),
        ("slug", "a" * 51),
        ("slug", "-x"),
        ("slug", "../etc"),
        ("name", "x" * 81),
        ("kind", "mysql"),
        ("environment", "moon"),
        ("api_url", "localhost:5001"),
        ("api_url", "ftp://127.0.0.1"),
        ("api_url", "http://user:secret@127.0.0.1:5001"),
        ("api_url", "http://127.0.0.1:99999"),
        ("api_url", "http://127.0.0.1:5001/?a=b"),
        ("api_url", "javascript:alert(1)"),
        ("api_url", "http://no-such-host.invalid:5001"),
        ("api_url", "http://" + "a" * 300 + ".invalid"),
        ("manager_url", "http://[::1"),
        ("node_apis", ("1002=nonsense",)),
        ("node_apis", ("1002 manager=nonsense",)),
        ("node_apis", ("1002 other=http://127.0.0.1:1",)),
        ("node_apis", ("http://127.0.0.1:1",) * 51),
        ("token", "a\nb"),
        ("token", "令牌"),
        ("jwt_password", "x" * 501),
        ("jwt_user", ""),
    ],
)
def test_what_cant_be_used_is_named_by_its_field_and_nothing_is_stored(
    sim: Any, db: None, field: str, value: Any
) -> None:
    draft = replace(draft_of(sim), **{field: value})
    assert list(refused(lambda: actions.add_cluster(owner_scope(), draft, reason="a new one"))) == [field]
    assert not Cluster.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "address",
    [
        "http://8.8.8.8:5001",
        "http://169.254.169.254",
        "http://[2001:db8::1]:5001",
        "http://0.0.0.0:5001",
        "http://[::ffff:169.254.169.254]",
    ],
)
def test_addresses_outside_the_allowed_networks_are_refused(sim: Any, db: None, address: str) -> None:
    for field in ("api_url", "manager_url"):
        fields = refused(lambda name=field: actions.test_draft(owner_scope(), draft_of(sim, **{name: address})))
        assert list(fields) == [field]
    fields = refused(
        lambda: actions.add_cluster(owner_scope(), draft_of(sim, node_apis=(address,)), reason="a new one")
    )
    assert list(fields) == ["node_apis"]


def test_the_owner_narrows_the_networks(sim: Any, db: None, settings: Any) -> None:
    settings.IMADMIN_CLUSTER_NETWORKS = ["10.0.0.0/8"]
    fields = refused(lambda: actions.add_cluster(owner_scope(), draft_of(sim), reason="a new one"))
    assert list(fields) == ["api_url", "manager_url"]


def test_the_manager_of_a_node_is_given_beside_its_main_api(sim: Any, db: None) -> None:
    given = ("1002=http://127.0.0.1:7", " 1002  manager =http://127.0.0.1:8/", "http://127.0.0.1:9/?".rstrip("?"))
    cluster = actions.add_cluster(owner_scope(), draft_of(sim, node_apis=given), reason="mapped ports")
    assert cluster.node_apis == ["1002=http://127.0.0.1:7", "1002 manager=http://127.0.0.1:8", "http://127.0.0.1:9"]
    connection = connect.connection_of(cluster)
    assert connection.node_apis == ("1002=http://127.0.0.1:7", "http://127.0.0.1:9")
    assert connection.node_managers == ("1002=http://127.0.0.1:8",)


def test_a_short_name_is_given_once(added: Cluster, sim: Any) -> None:
    assert list(refused(lambda: actions.add_cluster(owner_scope(), draft_of(sim), reason="again"))) == ["slug"]


def test_a_kept_secret_is_never_sent_to_a_new_address(added: Cluster, sim: Any) -> None:
    moved = draft_of(sim, manager_url=sim.nodes[1].manager_url, token=None, jwt_password=None)
    for act in (
        lambda: actions.edit_cluster(owner_scope(), "prod-sh", moved, reason="moved it"),
        lambda: actions.test_draft(owner_scope(), moved, "prod-sh"),
    ):
        assert list(refused(act)) == ["token", "jwt_password"]
    both = replace(moved, token="sim-token", jwt_password="pwd")
    assert actions.edit_cluster(owner_scope(), "prod-sh", both, reason="moved it").manager_url == both.manager_url


@pytest.mark.parametrize("field", ["api_url", "manager_url", "node_apis"])
@pytest.mark.parametrize("prefix", ["", "1001="])
def test_an_old_address_inside_a_new_one_keeps_no_secret(added: Cluster, sim: Any, field: str, prefix: str) -> None:
    """What stands after an = in a path is no host: only a node's id before the first = is taken off."""
    address = f"http://10.9.9.9:80/x={added.api_url}"
    if prefix and field != "node_apis":
        address = f"http://10.9.9.9:80/1001={added.api_url}"
    value = (prefix + address,) if field == "node_apis" else address
    moved = draft_of(sim, token=None, jwt_password=None, **{field: value})
    for act in (
        lambda: actions.edit_cluster(owner_scope(), "prod-sh", moved, reason="moved it"),
        lambda: actions.test_draft(owner_scope(), moved, "prod-sh"),
    ):
        assert list(refused(act)) == ["token", "jwt_password"]


def test_a_node_named_by_its_id_at_a_known_address_keeps_the_secrets(added: Cluster, sim: Any) -> None:
    named = draft_of(sim, token=None, jwt_password=None, node_apis=(f"{sim.nodes[0].id}={sim.nodes[0].api_url}",))
    actions.edit_cluster(owner_scope(), "prod-sh", named, reason="named it")
    assert crypto.unseal(Cluster.objects.get().sealed_token) == "sim-token"


def test_an_empty_secret_keeps_the_stored_one_and_an_explicit_none_forgets_it(added: Cluster, sim: Any) -> None:
    actions.edit_cluster(owner_scope(), "prod-sh", draft_of(sim, token=None, name="New"), reason="renamed")
    assert crypto.unseal(Cluster.objects.get().sealed_token) == "sim-token"
    actions.edit_cluster(owner_scope(), "prod-sh", draft_of(sim, token=""), reason="no token any more")
    assert Cluster.objects.get().sealed_token == ""


def test_another_name_keeps_the_open_gateway(added: Cluster, sim: Any) -> None:
    before = connect.gateway_for(Cluster.objects.get())
    actions.edit_cluster(owner_scope(), "prod-sh", draft_of(sim, name="New", environment="test"), reason="renamed it")
    assert connect.gateway_for(Cluster.objects.get()) is before


@pytest.mark.parametrize(
    "change", [{"token": "other"}, {"jwt_password": "other"}, {"node_apis": ("http://127.0.0.1:9",)}]
)
def test_other_credentials_or_addresses_make_a_new_gateway(added: Cluster, sim: Any, change: dict[str, Any]) -> None:
    before = connect.gateway_for(Cluster.objects.get())
    actions.edit_cluster(owner_scope(), "prod-sh", draft_of(sim, **change), reason="a change")
    assert connect.gateway_for(Cluster.objects.get()) is not before


def test_who_is_in_the_middle_of_a_change_keeps_the_older_gateway_until_it_rests(
    added: Cluster, sim: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(connect, "REST_SECONDS", 2.0)
    older = Cluster.objects.get()
    before = connect.gateway_for(older)
    actions.edit_cluster(owner_scope(), "prod-sh", draft_of(sim, node_apis=(sim.nodes[1].api_url,)), reason="a change")
    newer = connect.gateway_for(Cluster.objects.get())
    assert connect.gateway_for(older) is before
    aio.run(before.set_flags(ChannelRef("g1", 2), ChannelFlags()))
    assert connect.gateway_for(Cluster.objects.get()) is newer, "the older one doesn't push it out"
    key = (older.pk, older.revision)
    deadline = time.monotonic() + 10
    while key in connect._open or key in connect._leaving:
        assert time.monotonic() < deadline, "it is never closed"
        time.sleep(0.05)
    with pytest.raises(Uncertain):
        aio.run(before.set_flags(ChannelRef("g1", 2), ChannelFlags()))
    assert aio.run(newer.node_ids())


def test_removal_wants_the_name_typed_and_takes_the_roles_along(added: Cluster, people: Any) -> None:
    people(added)
    assert list(refused(lambda: actions.remove_cluster(owner_scope(), "prod-sh", typed="prod", reason="gone"))) == [
        "typed"
    ]
    actions.remove_cluster(owner_scope(), "prod-sh", typed="prod-sh", reason="switched off")
    assert not Cluster.objects.exists() and not Grant.objects.exists()
    assert (
        AuditEntry.objects.filter(cluster="prod-sh", action="cluster.remove", phase="outcome").get().outcome == "done"
    )


def test_only_who_manages_the_site_may(added: Cluster, sim: Any) -> None:
    scope = owner_scope(Permission.VIEW, Permission.MANAGE_CHANNELS)
    for act in (
        lambda: actions.add_cluster(scope, draft_of(sim, slug="x"), reason="a new one"),
        lambda: actions.edit_cluster(scope, "prod-sh", draft_of(sim), reason="a change"),
        lambda: actions.remove_cluster(scope, "prod-sh", typed="prod-sh", reason="gone"),
        lambda: actions.test_cluster(scope, "prod-sh"),
        lambda: actions.test_draft(scope, draft_of(sim)),
    ):
        with pytest.raises(Forbidden):
            act()


def test_a_cluster_that_isnt_there(db: None, sim: Any) -> None:
    with pytest.raises(NotFound):
        actions.test_cluster(owner_scope(), "nope")


def test_the_connection_test_passes_and_leaves_an_event(added: Cluster) -> None:
    report = actions.test_cluster(owner_scope(), "prod-sh")
    assert report.is_usable
    event = AuditEntry.objects.filter(action="cluster.test").get()
    assert (event.phase, event.outcome, event.cluster) == ("event", "done", "prod-sh")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"token": "wrong"}, "token"),
        ({"jwt_password": "wrong"}, "sign-in"),
        ({"api_url": "http://127.0.0.1:9"}, "address"),
        ({"manager_url": "http://127.0.0.1:9"}, "manager"),
    ],
)
def test_the_connection_test_names_what_is_wrong_before_anything_is_saved(
    sim: Any, db: None, wrong: dict[str, str], code: str
) -> None:
    report = actions.test_draft(owner_scope(), draft_of(sim, **wrong))
    assert step(report, code).result == "bad"
    assert step(report, code).hint
    assert not report.is_usable
    assert not Cluster.objects.exists()


def test_one_dead_node_of_several_is_named(added: Cluster, sim: Any) -> None:
    sim.kill(sim.nodes[2].id)
    report = actions.test_cluster(owner_scope(), "prod-sh")
    bad = [each.params.get("node") for each in report.steps if each.result in ("bad", "warn")]
    assert bad == [str(sim.nodes[2].id)]


def test_a_cluster_that_is_down_is_told_and_not_raised(added: Cluster, sim: Any) -> None:
    for node in sim.nodes:
        sim.kill(node.id)
    assert queries.status(access.enter_by_command("prod-sh")).verdict == "down"


def test_no_secret_gets_into_a_log_line(sim: Any, db: None, caplog: Any) -> None:
    with caplog.at_level("DEBUG"):
        actions.add_cluster(owner_scope(), draft_of(sim), reason="the first cluster")
        actions.test_draft(owner_scope(), draft_of(sim, slug="x", token="hunter2-token", jwt_password="hunter2-word"))
        for node in sim.nodes:
            sim.kill(node.id)
        actions.test_cluster(owner_scope(), "prod-sh")
    assert "sim-token" not in caplog.text and "hunter2" not in caplog.text


def test_a_lost_key_is_told_with_the_way_out(added: Cluster, settings: Any) -> None:
    from cryptography.fernet import Fernet

    settings.IMADMIN_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    Cluster.objects.update(revision=99)
    status = queries.status(access.enter_by_command("prod-sh"))
    assert status.error is not None and status.error.code == "secret_lost"
