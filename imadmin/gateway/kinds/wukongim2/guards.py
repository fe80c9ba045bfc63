"""What must never reach a WuKongIM v2 server.  Each rule here really brought a server down or wedged it.

`checked_params` and `checked_body` stand in the one way out (link.py), so no caller can forget them; the others are
called earlier, where a refusal can still name the field.  References are to the chapters of the server's contract.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import quote

from imadmin.core.errors import gettext_noop
from imadmin.gateway.enums import SYSTEM_UID as SYSTEM_UID
from imadmin.gateway.errors import RefusedLocally
from imadmin.gateway.types import ChannelRef, ChannelType

LIST_CHUNK = 200  # bigger bursts of list writes wedge slots until a restart (5.5)
LIST_PAUSE = 0.1  # seconds between two chunks
ONLINE_CHUNK = 500

# A giant limit is an allocation the server doesn't survive (5.4, 5.6).  First match counts.
LIMITS: tuple[tuple[str, int], ...] = (
    ("/connz", 2000),
    ("/channel/messagesync", 1000),
    ("/cluster/messages", 1000),
    ("/cluster/", 100),
    ("/varz", 20),
    ("/", 1000),
)
PAGE_LIMIT = 100
SENDER_LIMIT = 1000
CONNZ_LIMIT = 1000

# Each of these ends in a nil dereference there (2.9).
CRASHING_FILTERS = frozenset(
    {"ban", "disband"}
    | {f"{name}_count_{side}" for name in ("subscriber", "denylist", "allowlist") for side in ("gte", "lte")}
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LISTS = ("uids", "subscribers")

BLANK_UID = gettext_noop("Give a uid; a blank one ends the server.")
BLANK_UIDS = gettext_noop("Blank entries at positions %(positions)s; a blank uid ends the server, so nothing was sent.")
BAD_UIDS = gettext_noop("Entries at positions %(positions)s hold @, #, & or control characters, which uids can't have.")
SOME_BLANK = gettext_noop("Some entries are blank; a blank uid ends the server.")
BAD_UID = gettext_noop("Uids can't hold @, #, & or control characters.")
BLANK_CHANNEL = gettext_noop("Give a channel id and a type from 1 to 255.")
BAD_CHANNEL = gettext_noop("Channel ids can't hold @, # or &.")
BAD_PERSON = gettext_noop("A person channel is a uid, or two uids with @ between them in the server's order.")
BAD_PATH = gettext_noop("The server can't be asked for ids with slashes, ?, #, percent signs or control characters.")
BAD_LIMIT = gettext_noop("Ask for at least one row.")
LONG_LIST = gettext_noop("Lists go to the server in chunks of at most 200.")
CRASHING = gettext_noop("The server breaks on this filter.")


def clean_uid(uid: str, *, field: str = "uid") -> str:
    """One uid, stripped.  Raises RefusedLocally."""
    cleaned = uid.strip()
    if not cleaned:
        raise RefusedLocally({field: [BLANK_UID]})
    if _is_bad(cleaned):
        raise RefusedLocally({field: [BAD_UID]})
    return cleaned


def clean_uids(uids: Sequence[str], *, field: str = "uids") -> tuple[str, ...]:
    """Stripped, each once, in order.  Refuses the whole list when one is blank or bad, naming positions from 1."""
    cleaned = [uid.strip() for uid in uids]
    for is_wrong, sentence, short in ((_is_blank, BLANK_UIDS, SOME_BLANK), (_is_bad, BAD_UIDS, BAD_UID)):
        wrong = [str(position) for position, uid in enumerate(cleaned, start=1) if is_wrong(uid)]
        if wrong:
            shown = ", ".join(wrong[:20]) + (", …" if len(wrong) > 20 else "")
            raise RefusedLocally({field: [short]}, sentence, params={"positions": shown})
    return tuple(dict.fromkeys(cleaned))


def _is_blank(uid: str) -> bool:
    return not uid


def _is_bad(uid: str) -> bool:
    return any(character in uid for character in "@#&") or bool(_CONTROL.search(uid)) or not _is_encodable(uid)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_channel(channel: ChannelRef) -> None:
    """An id and a type the server keeps apart from all others (type 0 and blank ids make junk records; 2.3)."""
    if not channel.id.strip() or not 1 <= channel.type <= 255 or not _is_encodable(channel.id):
        raise RefusedLocally({"channel": [BLANK_CHANNEL]})


def check_channel_to_change(channel: ChannelRef) -> None:
    """/channel/info checks nothing (2.3): a wrong id there makes a record that nobody ever reads."""
    check_channel(channel)
    if channel.is_person:
        halves = channel.id.split("@")
        is_stored = len(halves) == 2 and all(halves) and ChannelRef.person(*halves) == channel
        is_stored = is_stored or (len(halves) == 2 and ChannelRef.person(*reversed(halves)) == channel)
        if any(_is_bad(half) for half in halves) or (len(halves) > 1 and not is_stored):
            raise RefusedLocally({"channel": [BAD_PERSON]})
    elif any(character in channel.id for character in "@#&"):
        raise RefusedLocally({"channel": [BAD_CHANNEL]})


def check_inbox_or_group(channel: ChannelRef) -> None:
    """Lists of a person are kept under the bare uid; under a stored pair id they'd be accepted and do nothing (2.5)."""
    check_channel_to_change(channel)
    if channel.peers:
        raise RefusedLocally({"channel": [gettext_noop("Name the receiver alone: lists of a pair have no effect.")]})


def check_group(channel: ChannelRef) -> None:
    """Person channels have no members; the server would answer 400 after storing half (2.3, 2.4)."""
    check_channel_to_change(channel)
    if channel.type == ChannelType.PERSON:
        raise RefusedLocally({"channel": [gettext_noop("A person channel has no members to change.")]})


def path_id(channel_id: str) -> str:
    """An id for use in a path: what the server reads wrongly after forwarding is refused (1.6, 2.9)."""
    if _CONTROL.search(channel_id) or any(c in channel_id for c in "/?%#\\") or channel_id in (".", ".."):
        raise RefusedLocally({"channel": [BAD_PATH]})
    return quote(channel_id, safe="")


def page_limit(limit: int, most: int = PAGE_LIMIT) -> int:
    """Rows to ask for: at least 1 (0 and negatives mean other things there), at most what the route bears."""
    if limit < 1:
        raise RefusedLocally({"limit": [BAD_LIMIT]})
    return min(limit, most)


def checked_params(path: str, params: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Query parameters as they go out: limit capped by route, no crashing filter, nothing that is None."""
    if path.startswith("/cluster/channels") and CRASHING_FILTERS & set(params):
        raise RefusedLocally({"filter": [CRASHING]})
    capped = _capped(path, params)
    if capped.get("offset", 0) < 0:
        raise RefusedLocally({"offset": [BAD_LIMIT]})
    return tuple((name, str(value)) for name, value in capped.items() if value is not None)


def checked_body(path: str, body: Any) -> Any:
    """A JSON body as it goes out: limit capped, and no list of uids that is long or holds a blank."""
    if isinstance(body, list):
        _check_list("uids", body, ONLINE_CHUNK)
        return body
    for name in _LISTS:
        if name in body:
            _check_list(name, body[name], LIST_CHUNK)
    return _capped(path, body)


def _check_list(name: str, uids: Sequence[str], most: int) -> None:
    if any(not uid.strip() for uid in uids):
        raise RefusedLocally({name: [BLANK_UID]})
    if len(uids) > most:
        raise RefusedLocally({name: [LONG_LIST]})


def _capped(path: str, values: dict[str, Any]) -> dict[str, Any]:
    if "limit" not in values:
        return values
    most = next(limit for prefix, limit in LIMITS if path.startswith(prefix))
    return {**values, "limit": page_limit(values["limit"], most)}


def chunks(uids: Sequence[str], size: int = LIST_CHUNK) -> list[tuple[str, ...]]:
    return [tuple(uids[start : start + size]) for start in range(0, len(uids), size)]


async def paced(pieces: Sequence[tuple[str, ...]], seconds: float) -> AsyncIterator[tuple[int, tuple[str, ...]]]:
    """The pieces with their number, with a pause between two."""
    for number, piece in enumerate(pieces):
        if number:
            await asyncio.sleep(seconds)
        yield number, piece
