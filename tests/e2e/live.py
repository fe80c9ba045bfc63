"""A chat client for journeys: JSON-RPC over a websocket (reference 4.5), blocking, its frames kept by a thread."""

import base64
import itertools
import json
import threading
import time
import uuid
from contextlib import ExitStack
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from imadmin.gateway.types import ChannelRef


class NotLetIn(Exception):
    """The server took the socket and did not answer the sign-in: so it refuses a ban or a wrong token."""


class LiveClient:
    """One connected user. frames: notifications received so far; is_closed: the server ended the socket."""

    def __init__(self, url: str, uid: str, *, device_flag: int = 1, token: str = "") -> None:
        self.uid = uid
        self.frames: list[dict[str, Any]] = []
        self.is_closed = False
        self._answers: dict[str, dict[str, Any]] = {}
        self._news = threading.Condition()
        self._ids = itertools.count(2)
        self._held = ExitStack()
        self._socket = self._held.enter_context(connect(url, open_timeout=10, close_timeout=1, proxy=None))
        hello = {
            "uid": uid, "token": token, "deviceFlag": device_flag, "deviceId": f"d-{uid}-{device_flag}",
            "clientTimestamp": int(time.time() * 1000),
        }  # fmt: skip
        try:
            self._socket.send(json.dumps({"jsonrpc": "2.0", "method": "connect", "id": "1", "params": hello}))
            self.hello = json.loads(self._socket.recv(timeout=12))
        except (ConnectionClosed, TimeoutError):
            self.close()
            raise NotLetIn(uid) from None
        assert self.hello["result"]["reasonCode"] == 1, self.hello
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def send(self, channel: ChannelRef, text: str) -> int:
        """The reason code of a text sent to the channel; a person is ChannelRef(uid, 1)."""
        payload = base64.b64encode(json.dumps({"type": 1, "content": text}, ensure_ascii=False).encode()).decode()
        answer = self._ask(
            "send",
            {"channelId": channel.id, "channelType": channel.type, "clientMsgNo": uuid.uuid4().hex, "payload": payload},
        )
        return int(answer["result"]["reasonCode"])

    def wait_for(self, method: str, seconds: float = 10) -> dict[str, Any]:
        """The first notification of that method."""
        with self._news:
            found = self._news.wait_for(lambda: any(frame["method"] == method for frame in self.frames), seconds)
        assert found, f"{self.uid} got no {method}: {self.frames}"
        return next(frame for frame in self.frames if frame["method"] == method)

    def close(self) -> None:
        self._held.close()

    def _ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        key = str(next(self._ids))
        self._socket.send(json.dumps({"jsonrpc": "2.0", "method": method, "id": key, "params": params}))
        with self._news:
            assert self._news.wait_for(lambda: key in self._answers, 10), f"no answer to {method}"
            return self._answers.pop(key)

    def _listen(self) -> None:
        try:
            for raw in self._socket:
                frame = json.loads(raw)
                if frame.get("method") == "recv":
                    self._acknowledge(frame["params"])
                with self._news:
                    if "method" in frame:
                        self.frames.append(frame)
                    else:
                        self._answers[frame["id"]] = frame
                    self._news.notify_all()
        except (ConnectionClosed, OSError):
            pass
        self.is_closed = True

    def _acknowledge(self, message: dict[str, Any]) -> None:
        seen = {name: message[name] for name in ("messageId", "messageSeq") if name in message}
        self._socket.send(json.dumps({"jsonrpc": "2.0", "method": "recvack", "params": seen}))
