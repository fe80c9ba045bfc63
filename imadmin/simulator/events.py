"""Message events: texts that grow while they are sent, kept by message number (reference 2.2).

As on the real server there are two memories. Deltas live in the node's alone, together with who sent the message; it
is dropped when every key has ended. What ends a key is stored, and so is every event that is no delta.
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
ENDED = frozenset(TERMINAL.values())


class StreamClosed(Exception):
    """A delta for a key that has ended, while others of the message have not."""


@dataclass(slots=True)
class KeyState:
    """The latest of one event key."""

    key: str
    status: str = ""
    seq: int = 0
    event_id: str = ""
    event_type: str = ""
    visibility: str = ""
    occurred_at: int = 0
    snapshot: Any = None
    text: str = ""  # what deltas added up to, in memory only
    end_reason: int = 0
    error: str = ""

    @property
    def shown_snapshot(self) -> Any:
        return {"kind": "text", "text": self.text} if self.text else self.snapshot


@dataclass(slots=True)
class Session:
    """A message's events in the node's memory."""

    channel: ChannelKey | None = None
    sender: str = ""
    message_id: int = 0
    keys: dict[str, KeyState] = field(default_factory=dict)


@dataclass(slots=True)
class Kept:
    """A message's events on disk."""

    seq: int = 0
    keys: dict[str, KeyState] = field(default_factory=dict)


class Events:
    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._kept: dict[tuple[ChannelKey, str], Kept] = {}

    def sent(self, client_msg_no: str, from_uid: str, message_id: int, channel: ChannelKey) -> None:
        """A stream message: its events need not name their sender."""
        self._sessions[client_msg_no] = Session(channel, from_uid, message_id)

    def sender_of(self, client_msg_no: str) -> tuple[str, int]:
        session = self._sessions.get(client_msg_no)
        return (session.sender, session.message_id) if session else ("", 0)

    # -- writing -------------------------------------------------------------------------------------------------

    def delta(self, channel: ChannelKey, client_msg_no: str, event: dict[str, Any]) -> KeyState:
        state = self._remembered(channel, client_msg_no, event)
        if state.status in ENDED:
            raise StreamClosed
        payload = event["payload"]
        text = payload.get("delta") if isinstance(payload, dict) and payload.get("kind") == "text" else None
        if text:
            state.text += str(text)
        elif payload is not None:
            state.snapshot = payload
        state.status = "open"
        return state

    def _remembered(self, channel: ChannelKey, client_msg_no: str, event: dict[str, Any]) -> KeyState:
        session = self._sessions.setdefault(client_msg_no, Session(channel))
        session.sender = event.get("from_uid") or session.sender
        session.message_id = event.get("message_id") or session.message_id
        return session.keys.setdefault(event["event_key"], KeyState(event["event_key"], "open"))

    def store(self, channel: ChannelKey, client_msg_no: str, event: dict[str, Any]) -> KeyState:
        """An event that is kept. After the end of its key it changes nothing and the end is answered again."""
        kept = self._kept.setdefault((channel, client_msg_no), Kept())
        known = kept.keys.get(event["event_key"])
        if known is not None and (known.status in ENDED or known.event_id == event["event_id"]):
            state = known
        else:
            kept.seq += 1
            state = kept.keys.setdefault(event["event_key"], KeyState(event["event_key"]))
            state.seq = kept.seq
            self._reduce(state, event, self._merged(client_msg_no, event))
        self._remember_stored(channel, client_msg_no, event, state)
        return state

    def _merged(self, client_msg_no: str, event: dict[str, Any]) -> dict[str, Any]:
        """What ends a key takes the text along that deltas left in memory."""
        payload = event["payload"] if isinstance(event["payload"], dict) else {}
        session = self._sessions.get(client_msg_no)
        remembered = session.keys.get(event["event_key"]) if session else None
        if event["event_type"] in TERMINAL and remembered and remembered.shown_snapshot is not None:
            return {**payload, "snapshot": remembered.shown_snapshot}
        return payload

    @staticmethod
    def _reduce(state: KeyState, event: dict[str, Any], payload: dict[str, Any]) -> None:
        kind = event["event_type"]
        state.event_id, state.event_type = event["event_id"], kind
        state.visibility, state.occurred_at = event["visibility"], event["occurred_at"]
        if kind == "stream.snapshot":
            state.snapshot = event["payload"]
        if kind not in TERMINAL:
            return
        state.status = TERMINAL[kind]
        if kind != "stream.finish" and "snapshot" in payload:
            state.snapshot = payload["snapshot"]
        if kind == "stream.close":
            reason = str(payload.get("end_reason", 0))
            state.end_reason = int(reason) & 255 if reason.isdigit() else 0
        if kind == "stream.error" and isinstance(payload.get("error"), str):
            state.error = payload["error"]

    def _remember_stored(
        self, channel: ChannelKey, client_msg_no: str, event: dict[str, Any], stored: KeyState
    ) -> None:
        remembered = self._remembered(channel, client_msg_no, event)
        remembered.seq = max(remembered.seq, stored.seq)
        remembered.status = stored.status or remembered.status
        if all(one.status in ENDED for one in self._sessions[client_msg_no].keys.values()):
            del self._sessions[client_msg_no]

    # -- reading -------------------------------------------------------------------------------------------------

    def stored(self, channel: ChannelKey, client_msg_no: str) -> list[KeyState]:
        """The latest state of each key, by sequence number."""
        kept = self._kept.get((channel, client_msg_no), Kept())
        return sorted(kept.keys.values(), key=lambda one: one.seq)

    def _states(self, channel: ChannelKey, client_msg_no: str) -> dict[str, KeyState]:
        """Both memories in one; the node's own goes first where it is as new."""
        merged = dict(self._kept.get((channel, client_msg_no), Kept()).keys)
        session = self._sessions.get(client_msg_no)
        for key, mine in (session.keys if session and session.channel in (None, channel) else {}).items():
            disk = merged.get(key)
            if disk is None:
                merged[key] = mine
            elif mine.seq >= disk.seq or mine.status == "open":
                merged[key] = KeyState(
                    key,
                    mine.status,
                    mine.seq or disk.seq,
                    snapshot=mine.shown_snapshot if mine.shown_snapshot is not None else disk.snapshot,
                    end_reason=disk.end_reason,
                    error=disk.error,
                )
        return merged

    def summary(self, channel: ChannelKey, client_msg_no: str, *, full: bool) -> dict[str, Any]:
        """The extra fields of a stream message in a page."""
        states = self._states(channel, client_msg_no)
        if not states:
            return {}
        shown = [one for key, one in states.items() if key != FINISH]
        last = max((one.seq for one in shown), default=0)
        meta = {
            "has_events": True,
            "completed": FINISH in states,
            "event_version": last,
            "last_msg_event_seq": last,
            "event_count": len(shown),
            "open_event_count": sum(one.status == "open" for one in shown),
            "events": [_key_row(one, full=full) for one in shown],
        }
        kept = {name: value for name, value in meta.items() if value or name in ("has_events", "completed")}
        hint = {"client_msg_no": client_msg_no, "from_msg_event_seq": 0}
        return {**_legacy(states.get(MAIN)), "event_meta": kept, "event_sync_hint": hint}


def _legacy(main: KeyState | None) -> dict[str, Any]:
    """What old clients read: the main key's text and end."""
    if main is None:
        return {}
    text = main.shown_snapshot
    found = {
        "end": int(main.status in ENDED),
        "end_reason": main.end_reason,
        "error": main.error,
        "stream_data": str(text.get("text", "")) if isinstance(text, dict) else "",
    }
    return {name: value for name, value in found.items() if value}


def _key_row(state: KeyState, *, full: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"event_key": state.key, "status": state.status}
    details = {
        "last_msg_event_seq": state.seq,
        "snapshot": state.shown_snapshot if full else None,
        "end_reason": state.end_reason,
        "error": state.error,
    }
    return row | {name: value for name, value in details.items() if value}
