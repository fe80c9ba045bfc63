"""Live clients on a node's websocket port: JSON-RPC as the real server speaks it (reference 4.5).

Refusals are silent, kicked sockets stay open as ghosts, and one malformed frame spoils the connection for good.
"""

import asyncio
import json
from typing import Any

from . import gojson
from .behaviour import Draft, send_from_client
from .gojson import Struct
from .ids import MANAGER_UID, ChannelType, Reason, has_forbidden
from .listen import Receive, Scope, Send, drop
from .model import Connection
from .routes.connections import kick_connection
from .state import SimState

OUTGOING_KEPT = 2000
RECV_TRIES = 5
HEADER = Struct("Header", {"noPersist": "any", "redDot": "any", "syncOnce": "any"})
SEND = Struct(
    "SendParams",
    {
        "channelId": "string",
        "channelType": "uint8",
        "clientMsgNo": "string",
        "payload": "[]uint8",
        "topic": "string",
        "expire": "uint32",
    },
)
KNOWN = ("connect", "send", "recvack", "ping", "disconnect", "subscribe", "unsubscribe")


SETTING_BITS = {"receipt": 0x80, "signal": 0x20, "noEncrypt": 0x10, "topic": 0x08, "stream": 0x02}


def _bits(setting: object) -> int:
    named = setting if isinstance(setting, dict) else {}
    return sum(bit for name, bit in SETTING_BITS.items() if named.get(name) is True)


class FrameError(Exception):
    """A frame the server answers with an error object, now and for ever after."""

    def __init__(self, message: str, frame_id: str = "") -> None:
        super().__init__(message)
        self.reply: dict[str, object] = {"jsonrpc": "2.0"}
        if frame_id:
            self.reply["id"] = frame_id
        self.reply["error"] = {"code": 0, "message": message}


def read_frame(text: str) -> dict[str, Any]:
    """A request or notification; raises FrameError with the server's text."""
    try:
        frame = gojson.parse(text.encode())
    except gojson.DecodeError as error:
        raise FrameError(str(error)) from None
    if not isinstance(frame, dict):
        raise FrameError("jsonrpc: invalid message")
    frame_id = frame.get("id", "")
    if not isinstance(frame_id, str):
        kind = "number" if isinstance(frame_id, int | float) else "object"
        text = f"request ID: json: cannot unmarshal {kind} into Go value of type string"
        raise FrameError(f"jsonrpc: failed to unmarshal field: {text}")
    method = frame.get("method", "")
    if method not in KNOWN:
        raise FrameError(f"jsonrpc: unknown method: {method}", frame_id)
    if method != "ping" and not isinstance(frame.get("params"), dict):
        raise FrameError(f"jsonrpc: missing params field: method {method}", frame_id)
    if method in ("subscribe", "unsubscribe"):
        raise FrameError(f"unknown packet type: jsonrpc.{method.capitalize()}Request", frame_id)
    return frame


class Session:
    """One websocket: pushes are queued, so that a slow reader harms nobody else."""

    def __init__(self, state: SimState, node_id: int, scope: Scope, receive: Receive, send: Send) -> None:
        self.state = state
        self.node_id = node_id
        self.transport: asyncio.Transport = scope["state"]["transport"]
        self.peer: tuple[str, int] = scope["client"]
        self._receive = receive
        self._send = send
        self._outgoing: asyncio.Queue[dict[str, object]] = asyncio.Queue(OUTGOING_KEPT)
        self._stuck_on: dict[str, object] | None = None
        self.connection: Connection | None = None
        self._unacknowledged: dict[str, asyncio.TimerHandle] = {}

    def push(self, frame: dict[str, object]) -> None:
        if self._outgoing.full():
            self._outgoing.get_nowait()
            self.state.count(self.node_id, "dropped_frames")
        self._outgoing.put_nowait(frame)
        if frame.get("method") == "recv":
            self._expect_ack(frame, 0)

    def _expect_ack(self, frame: dict[str, Any], tries: int) -> None:
        """What is not acknowledged comes again; messages that are not kept are never repeated."""
        message_id = frame["params"]["messageId"]
        if frame["params"]["messageSeq"] and tries < RECV_TRIES:
            loop, after = asyncio.get_running_loop(), self.state.timings.recv_retry
            self._unacknowledged[message_id] = loop.call_later(after, self._push_again, frame, tries + 1)

    def _push_again(self, frame: dict[str, Any], tries: int) -> None:
        if self.connection is not None and self.connection.here and not self._outgoing.full():
            self._outgoing.put_nowait(frame)
            self._expect_ack(frame, tries)

    def _acknowledged(self, frame: dict[str, Any]) -> None:
        self.state.count(self.state.leader_of(self.connection.uid if self.connection else ""), "recvack")
        if timer := self._unacknowledged.pop(str(frame["params"].get("messageId")), None):
            timer.cancel()

    async def run(self) -> None:
        await self._receive()
        await self._send({"type": "websocket.accept"})
        self.state.online.unauthenticated[self.node_id] += 1
        connection = None
        try:
            connection = await self._log_in()
        finally:
            if self.state.online.unauthenticated[self.node_id] > 0:
                self.state.online.unauthenticated[self.node_id] -= 1
        if connection is None:
            self.transport.abort()  # no answer, no close frame
            await asyncio.sleep(0)
            return
        writer = asyncio.ensure_future(self._write())
        try:
            while (text := await self._next_text()) is not None:
                self._handle(connection, text)
        finally:
            writer.cancel()
            for timer in self._unacknowledged.values():
                timer.cancel()
            self.state.online.left(connection)

    async def _next_text(self) -> str | None:
        event = await self._receive()
        await self.state.faults[self.node_id].pass_through()
        if event["type"] == "websocket.disconnect":
            return None
        return event.get("text") or (event.get("bytes") or b"").decode("utf-8", "replace")

    async def _write(self) -> None:
        while True:
            frame = await self._outgoing.get()
            await self.state.faults[self.node_id].awake.wait()
            text = json.dumps(frame, ensure_ascii=False, separators=(",", ":"))
            await self._send({"type": "websocket.send", "text": text})

    # -- logging in ----------------------------------------------------------------------------------------------

    async def _log_in(self) -> Connection | None:
        timings = self.state.timings
        try:
            text = await asyncio.wait_for(self._next_text(), timings.connect_within)
        except TimeoutError:
            return None
        params = self._connect_params(text or "")
        if params is None:
            return None
        uid, token = params["uid"], str(params.get("token") or "")
        manager_token = self.state.settings.manager_token
        if uid == MANAGER_UID and manager_token and token != manager_token:
            self.state.die(self.node_id, "client connect as ____manager")
            return None
        if not self._may_log_in(uid, token, int(params.get("deviceFlag") or 0)):
            await asyncio.sleep(timings.refuse_after)
            return None
        connection = self._register(uid, params)
        now_ms = int(self.state.now(self.node_id) * 1000)
        result = {
            "serverVersion": 5,
            "timeDiff": now_ms - int(params.get("clientTimestamp") or 0),
            "reasonCode": 1,
            "nodeId": self.node_id,
        }
        self.push({"jsonrpc": "2.0", "id": params["_id"], "result": result})
        return connection

    def _connect_params(self, text: str) -> dict[str, Any] | None:
        try:
            frame = read_frame(text)
        except FrameError:
            return None
        params = frame.get("params")
        if frame["method"] != "connect" or not frame.get("id") or not isinstance(params, dict):
            return None
        uid = params.get("uid")
        if not isinstance(uid, str) or not uid or has_forbidden(uid):
            return None
        return {**params, "_id": frame["id"]}

    def _may_log_in(self, uid: str, token: str, flag: int) -> bool:
        entry = self.state.store.record((uid, int(ChannelType.PERSON)))
        if entry and entry.ban:
            return False
        if not self.state.settings.token_auth:
            return True
        device = self.state.store.devices.get((uid, flag))
        return bool(device and device.token and device.token == token)

    def _register(self, uid: str, params: dict[str, Any]) -> Connection:
        state, flag = self.state, int(params.get("deviceFlag") or 0)
        device_id, now = str(params.get("deviceId") or ""), state.now()
        row = state.store.devices.get((uid, flag))
        level = row.level if row and state.settings.token_auth else 0
        for older in state.online.receivers(uid):
            if older.device_flag != flag:
                continue
            if older.device_id == device_id:
                state.online.detach(older)
            elif level == 1:
                kick_connection(
                    state, older, "login in other device", state.timings.detach_after, by=state.leader_of(uid)
                )
        connection = Connection(
            id=state.online.next_id(self.node_id),
            uid=uid,
            node_id=self.node_id,
            device_flag=flag,
            device_id=device_id,
            connected_at=now,
            device_level=level,
            ip=self.peer[0],
            port=self.peer[1],
            last_activity=now,
            socket=self,
        )
        self.connection = connection
        return state.online.add(connection)

    # -- frames --------------------------------------------------------------------------------------------------

    def _handle(self, connection: Connection, text: str) -> None:
        if connection.is_deaf or connection.is_forgotten:
            return
        if self._stuck_on is not None:
            self._reply(connection, self._stuck_on)
            return
        try:
            frame = read_frame(text)
            if frame["method"] == "send":
                self._acknowledge(connection, self._sent(connection, frame))
            elif frame["method"] == "ping":
                self._ponged(connection, frame)
            else:
                connection.in_packets += 1
                if frame["method"] == "recvack":
                    self._acknowledged(frame)
        except FrameError as error:
            self._stuck_on = error.reply
            self._reply(connection, error.reply)
        connection.last_activity = self.state.now()

    def _reply(self, connection: Connection, frame: dict[str, object] | None) -> None:
        """A ghost gets no answers, though what it sends is taken."""
        if frame is not None and connection.here:
            self.push(frame)

    def _acknowledge(self, connection: Connection, frame: dict[str, Any]) -> None:
        """What could not be stored is told only when the server has given up."""
        if frame["result"]["reasonCode"] == Reason.SYSTEM_ERROR:
            loop = asyncio.get_running_loop()
            loop.call_later(self.state.timings.propose_timeout, self._reply, connection, frame)
        else:
            self._reply(connection, frame)

    def _ponged(self, connection: Connection, frame: dict[str, Any]) -> None:
        connection.in_packets += 1
        connection.out_packets += 1
        self.state.count(self.state.leader_of(connection.uid), "ping")
        self._reply(connection, {"jsonrpc": "2.0", "id": frame.get("id", "")})

    def _sent(self, connection: Connection, frame: dict[str, Any]) -> dict[str, Any]:
        params = frame["params"]
        try:
            form = gojson.fill(params, SEND)
            header = gojson.fill(params.get("header"), HEADER)
        except gojson.DecodeError as error:
            raise FrameError(f"jsonrpc: failed to unmarshal field: send params: {error}", frame.get("id", "")) from None
        draft = Draft(
            connection.uid,
            form["channelId"],
            form["channelType"],
            form["payload"],
            client_msg_no=form["clientMsgNo"],
            topic=form["topic"],
            expire=form["expire"],
            setting=_bits(params.get("setting")),
            no_persist=header["noPersist"] is True,
            red_dot=header["redDot"] is True,
            sync_once=header["syncOnce"] is True,
        )
        message, reason = send_from_client(self.state, connection, draft)
        result: dict[str, object] = {}
        if params.get("header"):
            result["header"] = params["header"]
        result |= {"messageId": str(message.id), "messageSeq": message.seq if reason == Reason.SUCCESS else 0}
        result["reasonCode"] = int(reason)
        return {"jsonrpc": "2.0", "id": frame.get("id", ""), "result": result}


class ClientApp:
    """The websocket port of a node as an ASGI application; any path will do."""

    def __init__(self, state: SimState, node_id: int) -> None:
        self.state = state
        self.node_id = node_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await drop(scope)
            return
        await Session(self.state, self.node_id, scope, receive, send).run()
