"""A live client of a simulated or real cluster: JSON-RPC over a websocket, as the server's chapter on clients says."""

import base64
import itertools
import json
import time
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


class LoginRefused(Exception):
    pass


class LiveClient:
    """received, disconnects: the params of what was pushed to it so far."""

    def __init__(self, url: str, uid: str, *, flag: int = 1, device: str = "", token: str = "") -> None:
        self.uid = uid
        self.received: list[dict[str, Any]] = []
        self.disconnects: list[dict[str, Any]] = []
        self._ids = itertools.count(2)
        self._stack = ExitStack()
        self._socket = self._stack.enter_context(
            connect(url, proxy=None, open_timeout=5, close_timeout=1, ping_interval=None)
        )
        params = {"uid": uid, "token": token, "deviceFlag": flag, "deviceId": device or f"dev-{uid}-{flag}-{id(self)}"}
        self._push({"method": "connect", "id": "1", "params": params})
        answer = self._answer("1", 10)
        if answer is None or answer.get("result", {}).get("reasonCode") != 1:
            self.close()
            raise LoginRefused(uid)

    def send(self, channel_id: str, channel_type: int, text: str = "hi", *, wait: float = 6) -> int | None:
        """The reason code of the answer; None when none comes (a detached client gets none)."""
        number = str(next(self._ids))
        payload = base64.b64encode(json.dumps({"type": 1, "content": text}).encode()).decode()
        params = {
            "channelId": channel_id,
            "channelType": channel_type,
            "clientMsgNo": f"{self.uid}-{number}-{time.time_ns()}",
        }
        self._push({"method": "send", "id": number, "params": {**params, "payload": payload}})
        answer = self._answer(number, wait)
        return answer["result"]["reasonCode"] if answer else None

    def listen(self, seconds: float) -> None:
        """Take what is pushed for a while."""
        self._answer("", seconds)

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _push(self, frame: dict[str, Any]) -> None:
        self._socket.send(json.dumps({"jsonrpc": "2.0", **frame}))

    def _answer(self, number: str, seconds: float) -> dict[str, Any] | None:
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                frame: dict[str, Any] = json.loads(self._socket.recv(timeout=left))
            except (TimeoutError, ConnectionClosed):
                return None
            if frame.get("method") == "recv":
                self.received.append(frame["params"])
            elif frame.get("method") == "disconnect":
                self.disconnects.append(frame["params"])
            elif number and frame.get("id") == number:
                return frame
        return None
