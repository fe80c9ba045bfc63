"""Message events: texts that grow while they are sent, kept by message number (reference 2.2).

Deltas live in memory alone. What ends a text is stored; a late delta opens it again in memory, as on the real server.
"""

from dataclasses import dataclass, field
from typing import Any

from .model import ChannelKey

MAIN, FINISH = "main", "__finish__"
TERMINAL = {
    "stream.close": "closed",
    "stream.error": "error",
    "stream.cancel": "cancelled",
    "stream.finish": "closed",
}


@dataclass(slots=True)
class KeyState:
    """The latest of one event key; `text` is what deltas added up to."""

    key: str
    status: str = ""
    seq: int = 0
    event_id: str = ""
    event_type: str = ""
    visibility: str = ""
    occurred_at: int = 0
    snapshot: Any = None
    text: str = ""
    end_reason: int = 0
    error: str = ""
    stored: bool = False
    is_open: bool = False  # in memory, whatever is stored


@dataclass(slots=True)
class Session:
    keys: dict[str, KeyState] = field(default_factory=dict)
    last_seq: int = 0
    sender: str = ""
    message_id: int = 0


class Events:
    def __init__(self) -> None:
        self._sessions: dict[tuple[ChannelKey, str], Session] = {}
        self._senders: dict[str, tuple[str, int]] = {}  # of stream messages, by client number

    def sent(self, client_msg_no: str, from_uid: str, message_id: int) -> None:
        """A stream message: its events need not name their sender."""
        self._senders[client_msg_no] = (from_uid, message_id)

    def sender_of(self, client_msg_no: str) -> tuple[str, int]:
        return self._senders.get(client_msg_no, ("", 0))

    def is_finished(self, channel: ChannelKey, client_msg_no: str) -> bool:
        """The memory of it is dropped: a late delta starts again from nothing."""
        return FINISH in self._sessions.get((channel, client_msg_no), Session()).keys

    def delta(self, channel: ChannelKey, client_msg_no: str, event: dict[str, Any]) -> KeyState:
        state = self._state(channel, client_msg_no, event["event_key"])
        payload = event["payload"]
        if not state.is_open:
            state.text = ""
        if isinstance(payload, dict) and payload.get("kind") == "text":
            state.text += str(payload.get("delta", ""))
        else:
            state.snapshot = payload
        state.is_open = True
        return state

    def store(self, channel: ChannelKey, client_msg_no: str, event: dict[str, Any]) -> KeyState:
        """An event that is kept. One that comes after the end changes nothing but who spoke last."""
        session = self._sessions.setdefault((channel, client_msg_no), Session())
        state, kind, payload = (
            self._state(channel, client_msg_no, event["event_key"]),
            event["event_type"],
            event["payload"],
        )
        if state.stored and state.event_id == event["event_id"]:
            return state
        session.last_seq += 1
        state.event_id, state.event_type = event["event_id"], kind
        state.visibility, state.occurred_at = event["visibility"], event["occurred_at"]
        if state.stored and state.status in TERMINAL.values():
            return state
        state.seq, state.stored = session.last_seq, True
        details = payload if isinstance(payload, dict) else {}
        if kind in TERMINAL:
            if "snapshot" in details:
                state.snapshot = details["snapshot"]
            elif state.text:
                state.snapshot = {"kind": "text", "text": state.text}
            state.status, state.is_open = TERMINAL[kind], False
            reason = details.get("end_reason", 0)
            state.end_reason = int(reason) & 255 if str(reason).isdigit() else 0
            state.error = str(details.get("error", "")) if kind == "stream.error" else ""
        elif kind == "stream.snapshot":
            state.snapshot = payload
        if kind == "stream.finish":
            self._senders.pop(client_msg_no, None)
        return state

    def _state(self, channel: ChannelKey, client_msg_no: str, key: str) -> KeyState:
        session = self._sessions.setdefault((channel, client_msg_no), Session())
        return session.keys.setdefault(key, KeyState(key))

    # -- reading -------------------------------------------------------------------------------------------------

    def stored(self, channel: ChannelKey, client_msg_no: str) -> list[KeyState]:
        """The latest state of each key, by sequence number."""
        session = self._sessions.get((channel, client_msg_no), Session())
        return sorted((one for one in session.keys.values() if one.stored), key=lambda one: one.seq)

    def summary(self, channel: ChannelKey, client_msg_no: str, *, full: bool) -> dict[str, Any]:
        """The extra fields of a stream message in a page, in their two places: see `shapes.message_object`."""
        session = self._sessions.get((channel, client_msg_no))
        if session is None or not session.keys:
            return {}
        shown = [one for one in session.keys.values() if one.key != FINISH]
        last = max((one.seq for one in shown), default=0)
        open_count = sum(_shown_status(one) == "open" for one in shown)
        meta = {
            "has_events": True,
            "completed": FINISH in session.keys,
            "event_version": last,
            "last_msg_event_seq": last,
            "event_count": len(shown),
            "open_event_count": open_count,
            "events": [_key_row(one, full=full) for one in shown],
        }
        found: dict[str, Any] = {}
        main = session.keys.get(MAIN)
        if main is not None:
            found["end"] = int(_shown_status(main) != "open")
            found["end_reason"], found["error"] = main.end_reason, main.error
            text = _shown_snapshot(main)
            if isinstance(text, dict):
                found["stream_data"] = str(text.get("text", ""))
        found = {name: value for name, value in found.items() if value}
        kept = {name: value for name, value in meta.items() if value or name in ("has_events", "completed")}
        hint = {"client_msg_no": client_msg_no, "from_msg_event_seq": 0}
        return {**found, "event_meta": kept, "event_sync_hint": hint}


def _shown_status(state: KeyState) -> str:
    return "open" if state.is_open or not state.status else state.status


def _shown_snapshot(state: KeyState) -> Any:
    return {"kind": "text", "text": state.text} if state.is_open and state.text else state.snapshot


def _key_row(state: KeyState, *, full: bool) -> dict[str, Any]:
    row = {"event_key": state.key, "status": _shown_status(state), "last_msg_event_seq": state.seq}
    if full:
        row["snapshot"] = _shown_snapshot(state)
    row |= {"end_reason": state.end_reason, "error": state.error}
    return {name: value for name, value in row.items() if value}
