"""From what a person typed to a question the server can bear: every refusal names its field and says why.

The page's form and the API give the same fields, so their names are the same everywhere.
"""

from dataclasses import dataclass, fields
from typing import Any

from imadmin.archive.masking import BodyAccess, body_access
from imadmin.clusters.access import Scope
from imadmin.core.errors import InvalidInput, gettext_noop
from imadmin.gateway.capabilities import Capability
from imadmin.gateway.types import ChannelRef, ChannelType, MessageQuery

ID_MAX = 2**63 - 1
LENGTHS = {"channel_id": 500, "uid_one": 200, "uid_two": 200, "sender": 200, "client_msg_no": 200, "text": 1000}

# One such scan took a real server 18 seconds and gigabytes that it never gave back.
TEXT_NEEDS_CHANNEL = gettext_noop(
    "Name a channel too. Without one the server reads every message on every node: that took one 18 seconds and "
    "gigabytes of memory that it kept until it was restarted."
)
TEXT_NEEDS_RIGHT = gettext_noop(
    "Your role reads no message bodies, and searching by text would tell what they say. "
    "Search by channel, sender or id."
)
TEXT_UNSUPPORTED = gettext_noop("This kind of server can't search by text.")
ID_STANDS_ALONE = gettext_noop("A message id is looked up alone: the server ignores all other fields then. Clear them.")
BAD_MESSAGE_ID = gettext_noop("A message id is a whole number of at most 19 digits, without spaces or signs.")
TYPE_RANGE = gettext_noop("Channel types are numbers from 1 to 255.")
ID_WITHOUT_TYPE = gettext_noop("Choose what kind of channel this is: the same id may exist in several kinds.")
TYPE_WITHOUT_ID = gettext_noop("Give the channel's id too: a kind alone makes the server read every message.")
PEERS_OR_ID = gettext_noop("Give either two uids or a channel id, not both.")
TWO_UIDS = gettext_noop("A person chat needs both uids.")
PEERS_ARE_PERSONS = gettext_noop("Two uids name a person chat; choose that kind or clear them.")
PERSON_NEEDS_TWO = gettext_noop("A person chat is named by two uids, or by its stored id with @ between them.")
BAD_PEER = gettext_noop("Uids can't hold @, # or &.")
TOO_LONG = gettext_noop("This is longer than any the server keeps.")


@dataclass(frozen=True, slots=True)
class SearchFields:
    """As typed. Empty texts and None don't filter."""

    channel_type: int | None = None
    channel_id: str = ""
    uid_one: str = ""
    uid_two: str = ""
    sender: str = ""
    message_id: str = ""
    client_msg_no: str = ""
    text: str = ""

    def given(self) -> dict[str, Any]:
        """What was filled in, for the trail and for links."""
        return {item.name: value for item in fields(self) if (value := getattr(self, item.name)) not in ("", None)}


def query_of(scope: Scope, wanted: SearchFields) -> MessageQuery:
    """Raises InvalidInput naming every field that can't be used as it is."""
    wrong: dict[str, list[str]] = {}
    for name, most in LENGTHS.items():
        if len(getattr(wanted, name)) > most:
            wrong[name] = [TOO_LONG]
    message_id = _message_id(wanted, wrong)
    channel = _channel(wanted, wrong)
    text = wanted.text if wanted.text.strip() else ""
    if text and not wrong.get("text"):
        _check_text(scope, has_channel=channel is not None, wrong=wrong, is_channel_wrong=_has_channel_error(wrong))
    if wrong:
        raise InvalidInput(wrong)
    return MessageQuery(
        channel=channel,
        from_uid=wanted.sender.strip(),
        message_id=message_id,
        client_msg_no=wanted.client_msg_no.strip(),
        text=text,
    )


def parse_message_id(text: str) -> int:
    """Raises InvalidInput naming `message_id`."""
    text = text.strip()
    # isascii: Python's int() also takes digits of other scripts, which no message id is written in.
    if not (text.isascii() and text.isdigit() and len(text) <= 19 and 0 < int(text) <= ID_MAX):
        raise InvalidInput({"message_id": [BAD_MESSAGE_ID]})
    return int(text)


def _message_id(wanted: SearchFields, wrong: dict[str, list[str]]) -> int:
    if not wanted.message_id.strip():
        return 0
    try:
        number = parse_message_id(wanted.message_id)
    except InvalidInput as error:
        wrong.update(error.fields)
        return 0
    if any(isinstance(value, str) and value.strip() for name, value in wanted.given().items() if name != "message_id"):
        wrong["message_id"] = [ID_STANDS_ALONE]
    return number


def _channel(wanted: SearchFields, wrong: dict[str, list[str]]) -> ChannelRef | None:
    channel_id, one, two = wanted.channel_id.strip(), wanted.uid_one.strip(), wanted.uid_two.strip()
    if wanted.channel_type is not None and not 1 <= wanted.channel_type <= 255:
        wrong["channel_type"] = [TYPE_RANGE]
        return None
    if one or two:
        return _person_chat(wanted, channel_id, one, two, wrong)
    if channel_id and wanted.channel_type is None:
        wrong["channel_type"] = [ID_WITHOUT_TYPE]
    elif wanted.channel_type == ChannelType.PERSON and not channel_id:
        wrong["uid_one"] = [TWO_UIDS]
    elif wanted.channel_type is not None and not channel_id:
        wrong["channel_id"] = [TYPE_WITHOUT_ID]
    elif wanted.channel_type == ChannelType.PERSON and "@" not in channel_id:
        wrong["channel_id"] = [PERSON_NEEDS_TWO]
    elif wanted.channel_type is not None:
        return ChannelRef(channel_id, wanted.channel_type)
    return None


def _person_chat(
    wanted: SearchFields, channel_id: str, one: str, two: str, wrong: dict[str, list[str]]
) -> ChannelRef | None:
    if wanted.channel_type not in (None, ChannelType.PERSON):
        wrong["channel_type"] = [PEERS_ARE_PERSONS]
    if channel_id:
        wrong["channel_id"] = [PEERS_OR_ID]
    for name, uid in (("uid_one", one), ("uid_two", two)):
        if not uid:
            wrong[name] = [TWO_UIDS]
        elif any(character in uid for character in "@#&"):
            wrong[name] = [BAD_PEER]
    return None if _has_channel_error(wrong) else ChannelRef.person(one, two)


def _has_channel_error(wrong: dict[str, list[str]]) -> bool:
    return bool(wrong.keys() & {"channel_type", "channel_id", "uid_one", "uid_two"})


def _check_text(scope: Scope, *, has_channel: bool, is_channel_wrong: bool, wrong: dict[str, list[str]]) -> None:
    if body_access(scope) is BodyAccess.CLOSED:
        wrong["text"] = [TEXT_NEEDS_RIGHT]
    elif Capability.SEARCH_TEXT_IN_CHANNEL not in scope.gateway.capabilities:
        wrong["text"] = [TEXT_UNSUPPORTED]
    elif not has_channel and not is_channel_wrong:
        wrong["text"] = [TEXT_NEEDS_CHANNEL]
