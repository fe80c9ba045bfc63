"""A client of the IM server for tests: JSON-RPC 2.0 over its WebSocket port (reference 4.5)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import websockets

from imadmin.gateway.types import ChannelRef


class LoginRefused(Exception):
    """No answer to the connect request: a bad token or a banned user."""


@dataclass(frozen=True)
class Sent:
    reason: int
    message_id: int
    seq: int


class LiveClient:
    """One connection.  received and disconnects: params of what came in."""

    def __init__(self, url: str, uid: str, *, flag: int = 1, device: str = "", token: str = "") -> None:
        self.url, self.uid, self.flag, self.token = url, uid, flag, token
        self.device = device or f"d-{uid}-{flag}"
        self.received: list[dict[str, Any]] = []
        self.disconnects: list[dict[str, Any]] = []
        self._numbers = itertools.count(2)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._news = asyncio.Event()
        self._socket: Any = None
        self._reader: asyncio.Task[None] | None = None

    async def open(self) -> LiveClient:
        """Raises LoginRefused."""
        await self._dial()
        await self._write({"method": "connect", "id": "1", "params": {
            "uid": self.uid, "token": self.token, "deviceFlag": self.flag, "deviceId": self.device,
            "clientTimestamp": int(time.time() * 1000)}})  # fmt: skip
        try:
            answer = json.loads(await asyncio.wait_for(self._socket.recv(), 15))
        except (websockets.ConnectionClosed, TimeoutError) as error:
            await self.close()
            raise LoginRefused(self.uid) from error
        if answer.get("result", {}).get("reasonCode") != 1:
            await self.close()
            raise LoginRefused(self.uid)
        self._reader = asyncio.create_task(self._read())
        return self

    async def send(self, channel: ChannelRef | str, text: str, *, type: int = 1, **extra: Any) -> Sent:
        """channel: a group, or the uid of a person."""
        target = channel if isinstance(channel, ChannelRef) else ChannelRef(channel, 1)
        payload = json.dumps({"type": type, "content": text}, ensure_ascii=False).encode()
        answer = await self._call("send", {
            "channelId": target.id, "channelType": int(target.type), "clientMsgNo": uuid.uuid4().hex,
            "payload": base64.b64encode(payload).decode(), **extra})  # fmt: skip
        result = answer["result"]
        return Sent(result["reasonCode"], int(result.get("messageId") or 0), int(result.get("messageSeq") or 0))

    async def disconnected(self) -> dict[str, Any]:
        """The params of the next disconnect frame."""
        async with asyncio.timeout(15):
            while not self.disconnects:
                self._news.clear()
                await self._news.wait()
        return self.disconnects[-1]

    async def close(self) -> None:
        if self._reader:
            self._reader.cancel()
        if self._socket:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._socket.close(), 2)

    async def _dial(self) -> None:
        """The handshake now and then fails after the server dropped a socket: try again."""
        for attempt in range(4):
            try:
                self._socket = await websockets.connect(
                    self.url, ping_interval=None, proxy=None, open_timeout=5, close_timeout=1
                )
                return
            except (OSError, websockets.WebSocketException):
                if attempt == 3:
                    raise
                await asyncio.sleep(0.3)

    async def _call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        number = str(next(self._numbers))
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._write({"method": method, "id": number, "params": params})
        return await asyncio.wait_for(answer, 15)

    async def _write(self, frame: dict[str, Any]) -> None:
        await self._socket.send(json.dumps({"jsonrpc": "2.0", **frame}, ensure_ascii=False))

    async def _read(self) -> None:
        with contextlib.suppress(websockets.ConnectionClosed):
            async for raw in self._socket:
                frame = json.loads(raw)
                if frame.get("method") == "recv":
                    self.received.append(frame["params"])
                    seen = {name: frame["params"].get(name, 0) for name in ("messageId", "messageSeq")}
                    await self._write({"method": "recvack", "params": seen})
                elif frame.get("method") == "disconnect":
                    self.disconnects.append(frame.get("params") or {})
                elif frame.get("id") in self._waiting:
                    self._waiting.pop(frame["id"]).set_result(frame)
                self._news.set()
