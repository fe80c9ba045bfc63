"""The webhook as recorded: what is sent, in which batches, how often again, and what is lost for good."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from imadmin.simulator import SimulatedCluster, Timings

from .conftest import Api, StartCluster, eventually
from .replay import RECORDED, assert_shape

FOLDER = RECORDED / "webhooks"


class Receiver:
    """Takes webhook calls; `status` is what it answers."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.calls.append((self.path.partition("?event=")[2], json.loads(body)))
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def bodies(self, event: str) -> list[Any]:
        return [body for name, body in self.calls if name == event]

    def messages(self) -> list[str]:
        return [row["client_msg_no"] for batch in self.bodies("msg.notify") for row in batch]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


@pytest.fixture
def cluster(start_cluster: StartCluster, receiver: Receiver) -> SimulatedCluster:
    timings = Timings(offline_after=0.4, store_after=0.005, detach_after=0.1, hook_pace=0.05)
    running = start_cluster(nodes=1, timings=timings)
    running.use_webhook(receiver.url)
    return running


@pytest.fixture
def say(cluster: SimulatedCluster) -> Callable[..., None]:
    api = Api(cluster)

    def send(number: str, channel_id: str = "wg", channel_type: int = 2, **fields: Any) -> None:
        body = {"from_uid": "wa", "channel_id": channel_id, "channel_type": channel_type, "payload": "eA=="}
        assert api.post("/message/send", {**body, "client_msg_no": number, **fields}).status_code == 200

    return send


def test_a_message_is_told_as_recorded(cluster: SimulatedCluster, receiver: Receiver, say: Callable[..., None]) -> None:
    cluster.call(lambda state: state.add_group("wg", ["wa", "wb", "w-c"]))
    say("wm1", header={"red_dot": 1})
    say("wm2", "wb", 1)
    eventually(lambda: len(receiver.messages()) == 2)
    recorded = json.loads((FOLDER / "msg.notify.json").read_text())["request"]["json"]
    rows = [row for batch in receiver.bodies("msg.notify") for row in batch]
    assert_shape(rows[0], recorded[0], "msg.notify")
    assert (rows[0]["header"]["red_dot"], rows[0]["channel_id"], rows[1]["channel_id"]) == (1, "wg", "wb")
    offline = eventually(lambda: receiver.bodies("msg.offline"))
    assert_shape(offline[0], json.loads((FOLDER / "msg.offline-group.json").read_text())["request"]["json"], "offline")
    assert sorted(offline[0]["to_uids"]) == ["w-c", "wb"]


def test_a_batch_is_tried_again_with_what_came_meanwhile(receiver: Receiver, say: Callable[..., None]) -> None:
    receiver.status = 500
    say("A1")
    eventually(lambda: receiver.messages() == ["A1"])
    say("A2")
    eventually(lambda: receiver.bodies("msg.notify")[-1][-1]["client_msg_no"] == "A2")
    receiver.status = 200
    count = len(receiver.bodies("msg.notify"))
    eventually(lambda: len(receiver.bodies("msg.notify")) > count)
    assert [row["client_msg_no"] for row in receiver.bodies("msg.notify")[-1]] == ["A1", "A2"]


@pytest.mark.parametrize("status", [500, 204])
def test_five_tries_and_then_never_again(
    cluster: SimulatedCluster, receiver: Receiver, say: Callable[..., None], status: int
) -> None:
    receiver.status = status
    say("gone")
    eventually(lambda: receiver.messages().count("gone") == 5)
    receiver.status = 200
    say("next")
    eventually(lambda: "next" in receiver.messages())
    assert receiver.messages().count("gone") == 5


def test_a_hundred_at_a_time(receiver: Receiver, say: Callable[..., None]) -> None:
    for number in range(230):
        say(f"n{number}", f"c{number % 7}")
    eventually(lambda: len(receiver.messages()) == 230)
    assert max(len(batch) for batch in receiver.bodies("msg.notify")) <= 100
    assert sorted(receiver.messages()) == sorted(f"n{number}" for number in range(230))


def test_online_changes_count_the_user_s_connections(cluster: SimulatedCluster, receiver: Receiver) -> None:
    def rows() -> list[str]:
        return [row for batch in receiver.bodies("user.onlinestatus") for row in batch]

    first = cluster.call(lambda state: state.add_connection("w-c", device_flag=0))
    cluster.call(lambda state: state.add_connection("w-c", device_flag=1))
    eventually(lambda: len(rows()) == 2)
    assert rows() == ["w-c-0-1-1-1-1", "w-c-1-1-2-1-2"]
    cluster.call(lambda state: state.online.left(first))
    eventually(lambda: len(rows()) == 3)
    assert rows()[2] == "w-c-0-0-1-0-1"


def test_a_kill_keeps_what_was_being_retried(
    cluster: SimulatedCluster, receiver: Receiver, say: Callable[..., None]
) -> None:
    receiver.status = 500
    say("kept")
    eventually(lambda: receiver.messages())
    cluster.kill(1001)
    receiver.status = 200
    before = len(receiver.messages())
    cluster.revive(1001)
    eventually(lambda: len(receiver.messages()) > before)
    assert set(receiver.messages()) == {"kept"}


def test_a_lost_batch_is_lost(cluster: SimulatedCluster, receiver: Receiver, say: Callable[..., None]) -> None:
    cluster.use_webhook(receiver.url, ("msg.notify",))
    cluster.lose_batch()
    say("lost")
    eventually(lambda: cluster.state.hooks.to_lose == 0)
    say("told")
    eventually(lambda: receiver.messages() == ["told"])
    assert receiver.bodies("msg.offline") == []


def test_a_kick_is_no_event_until_the_socket_closes(cluster: SimulatedCluster, receiver: Receiver) -> None:
    def rows() -> list[str]:
        return [row for batch in receiver.bodies("user.onlinestatus") for row in batch]

    cluster.call(lambda state: setattr(state.online, "_clinging", 1.0))
    one = cluster.call(lambda state: state.add_connection("w-c", device_flag=0))
    eventually(lambda: len(rows()) == 1)
    for path in ("kick", "remove"):
        assert Api(cluster).post(f"/conn/{path}", uid="w-c", conn_id=one.id).status_code == 200
    eventually(lambda: cluster.state.online.count(1001) == 0)
    cluster.call(lambda state: state.add_connection("other"))
    eventually(lambda: len(rows()) == 2)
    assert rows() == ["w-c-0-1-1-1-1", "other-1-1-2-1-1"]
    cluster.call(lambda state: state.online.left(one))
    eventually(lambda: rows()[2:] == ["w-c-0-0-1-0-0"])


OFFLINE: dict[str, dict[str, Any]] = {
    "person": {"channel_id": "wb", "channel_type": 1},
    "system": {"channel_id": "wb", "channel_type": 1, "from_uid": ""},
    "no-persist": {"header": {"no_persist": 1}},
    "cmd": {"header": {"sync_once": 1}},
}


@pytest.mark.parametrize("name", OFFLINE)
def test_a_missed_message_is_told_as_recorded(
    name: str, cluster: SimulatedCluster, receiver: Receiver, say: Callable[..., None]
) -> None:
    cluster.call(lambda state: state.add_group("wg", ["wa", "wb", "w-c"]))
    recorded = json.loads((FOLDER / f"msg.offline-{name}.json").read_text())["request"]["json"]
    say("wm", **OFFLINE[name])
    told = eventually(lambda: receiver.bodies("msg.offline"))[0]
    assert_shape(told, recorded, name)
    same = ("header", "setting", "from_uid", "channel_id", "channel_type", "source_id")
    assert {key: told[key] for key in same} == {key: recorded[key] for key in same} | {"source_id": 1001}
    assert sorted(told["to_uids"]) == sorted(recorded["to_uids"])
    assert (told["message_seq"] == 0) == (recorded["message_seq"] == 0)
