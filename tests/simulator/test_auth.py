"""Both servers' gates, word for word."""

from typing import Any

import httpx
import pytest

from imadmin.simulator import SimulatedCluster
from imadmin.simulator.tokens import make

from .conftest import StartCluster
from .replay import CLIENT, SECRET, Recording, assert_like, send

USERS = {"admin": ("pwd", "*:*"), "viewer": ("pwd", "*:r"), "op": ("pwd", "slotMigrate:rw,clusterchannelStart:r")}


def _bearer(
    user: str = "admin", secret: str = SECRET, seconds: float = 3600, algorithm: str = "HS256"
) -> dict[str, str]:
    return {"Authorization": f"Bearer {make(user, secret, seconds, algorithm=algorithm)[0]}"}


OPEN: dict[str, dict[str, str]] = {  # no managerToken
    "login-badjson": {},
    "login-empty": {},
    "login-get": {},
    "login-guest-when-users-configured": {},
    "login-ok-main": {},
    "login-manageruid-emptypassword": {},
    "login-ok-manager": {},
    "login-unknown-user": {},
    "login-wrong-password": {},
    "jwt-expired": _bearer(seconds=-5),
    "jwt-expired-on-main-is-ignored": _bearer(seconds=-5),
    "jwt-hs512": _bearer(algorithm="HS512"),
    "jwt-unknown-user": _bearer("nobody"),
    "jwt-no-username": _bearer(""),
    "jwt-wrong-secret": _bearer(secret="other"),
    "main-garbage-bearer-ignored": {"Authorization": "Bearer abc"},
    "main-unknown": {},
    "manager-empty-token-header": {"token": ""},
    "manager-wrong-token-header": {"token": "x"},
    "manager-garbage-bearer": {"Authorization": "Bearer abc"},
    "manager-nonbearer": {"Authorization": "Basic abc"},
    "manager-health-auth": _bearer(),
    "manager-health-noauth": {},
    "manager-noauth": {},
    "manager-unknown-noauth": {},
    "manager-viewer": _bearer("viewer"),
    "default-guest-kick": _bearer("guest"),
}
GUARDED: dict[str, dict[str, str]] = {  # managerToken "secret", a cluster of three
    "mt-main-notoken": {},
    "mt-main-token": {"token": "secret"},
    "mt-main-wrongtoken": {"token": "no"},
    "mt-main-jwt-only": _bearer(),
    "mt-main-preflight": {},
    "mt-manager-preflight": {},
    "mt-main-login-notoken": {},
    "mt-main-login-token": {"token": "secret"},
    "mt-manager-login-notoken": {},
    "mt-nodes-main-jwt": _bearer(),
    "mt-nodes-main-token": {"token": "secret"},
    "mt-nodes-main-both": {"token": "secret", **_bearer()},
    "mt-nodes-manager-jwt": _bearer(),
    "mt-nodes-manager-token": {"token": "secret"},
    "mt-metrics-noauth": {},
    "mt-conn-kick-remote": _bearer(),
    "mt-conn-kick-remote-both": {"token": "secret", **_bearer()},
    "mt-user-token-remote": {"token": "secret"},
    "mt-device-quit-remote": {"token": "secret"},
    "mt-route": {"token": "secret"},
}


@pytest.mark.parametrize("name", OPEN)
def test_open_server(name: str, start_cluster: StartCluster) -> None:
    recording = Recording.load(f"auth/{name}")
    cluster = start_cluster(users=USERS, version="")
    # the config leader's row has one key more; the recordings were made on another node
    assert_like(send(cluster, recording, OPEN[name]), recording)


@pytest.mark.parametrize("name", GUARDED)
def test_server_with_manager_token(name: str, start_cluster: StartCluster) -> None:
    recording = Recording.load(f"auth/{name}")
    cluster = start_cluster(manager_token="secret", users=USERS, version="")
    assert_like(send(cluster, recording, GUARDED[name]), recording)


def test_a_token_may_travel_in_the_query(cluster: SimulatedCluster) -> None:
    query = {"Authorization": _bearer()["Authorization"]}
    assert CLIENT.get(cluster.nodes[0].manager_url + "/cluster/node", params=query).status_code == 200


def test_the_401_of_another_node_is_empty(start_cluster: StartCluster) -> None:
    cluster = start_cluster(manager_token="secret")
    reply = CLIENT.get(cluster.nodes[0].manager_url + "/varz?node_id=1002", headers=_bearer())
    assert (reply.status_code, reply.content) == (401, b"")
    assert reply.headers["content-type"].startswith("application/json")


def test_fan_outs_tell_of_the_missing_token_in_their_own_ways(start_cluster: StartCluster) -> None:
    cluster = start_cluster(manager_token="secret")

    def text(path: str) -> Any:
        return CLIENT.get(cluster.nodes[0].manager_url + path, headers=_bearer()).json()["msg"]

    assert text("/cluster/nodes") == "EOF"
    assert "[401]" in text("/cluster/users")


def test_nodes_without_token_cannot_call_each_other(start_cluster: StartCluster) -> None:
    """The hazards of a managerToken cluster: onlinestatus and system accounts."""
    cluster = start_cluster(manager_token="secret")
    leader = cluster.call(lambda state: state.leader_of("u1"))
    other = next(node for node in cluster.nodes if node.id != leader)
    client = httpx.Client(base_url=other.api_url, headers={"token": "secret"}, verify=False)
    assert "[401]" in client.post("/user/onlinestatus", json=["u1"]).json()["msg"]
    assert client.post("/user/systemuids_add", json={"uids": ["s1"]}).status_code == 400
    assert client.get("/user/systemuids").json() == ["s1"]


def test_manager_replies_are_zipped_for_those_who_can_read_it(cluster: SimulatedCluster) -> None:
    url = cluster.nodes[0].manager_url
    assert CLIENT.get(url + "/cluster/node", headers=_bearer()).headers["content-encoding"] == "gzip"
    plain = {**_bearer(), "accept-encoding": "identity"}
    assert "content-encoding" not in CLIENT.get(url + "/cluster/node", headers=plain).headers
    assert "content-encoding" not in CLIENT.get(url + "/metrics").headers
    assert CLIENT.get(url + "/nope", headers=plain).text == "404 page not found"
