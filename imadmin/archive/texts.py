"""What a message says and what marks it carries: read once when it comes in, and again when it changes.

Part of what an index is made of: a change here needs a new NORM_VERSION.
"""

import re
from dataclasses import dataclass

from imadmin.archive.norm import norm
from imadmin.archive.rows import NO_TRAIT, Incoming, Stored, Trait
from imadmin.gateway import payload
from imadmin.gateway.enums import SYSTEM_UID
from imadmin.gateway.types import Content, ContentKind

LOOKED_AT = 20_000  # characters of a text that are searched for links, phone numbers and QR codes

# What follows from the text and the kind alone; all others come with the message or with a change of it.
OF_TEXT = Trait.LINK | Trait.IMAGE | Trait.FILE | Trait.PHONE | Trait.QR
_OF_KIND = {
    ContentKind.IMAGE: Trait.IMAGE,
    ContentKind.GIF: Trait.IMAGE,
    ContentKind.FILE: Trait.FILE,
    ContentKind.COMMAND: Trait.COMMAND,
    ContentKind.SYSTEM: Trait.SYSTEM,
}
_HINT = re.compile(r"[.:@\uff0e\u3002]|\d{3}|二维码|二維碼|[Qq][Rr]")  # without any of these nothing below can match
_TOP = "com|cn|net|org|io|cc|me|top|xyz|vip|co|info|biz|app|dev|shop|site|online|club|link|tv|hk|tw|us|uk|ru|jp|gov|edu"
_LINK = re.compile(
    rf"""(?ix) \b(?:https?|ftps?|wss?|hxxps?)://[^\s/]
    | \bwww\.[a-z0-9-]
    | (?<![\w@.-])(?:[a-z0-9](?:[a-z0-9-]{{0,62}})\.){{1,5}}(?:{_TOP})(?![\w-]|\.[a-z0-9])""",
    re.ASCII,
)
_GAP = r"[ \t().\u00a0-]{0,2}"
# Mainland mobile numbers (1[3-9] and nine more digits, +86 or not, in groups or not); + or 00, and 8 to 15 digits.
_PHONE = re.compile(
    rf"(?<![\d.+])(?:(?:\+|00)?86{_GAP})?1[3-9]\d(?:{_GAP}\d){{8}}(?!\d)"
    rf"|(?<![\d+])(?:\+|(?<![.,:])00){_GAP}[1-9](?:{_GAP}\d){{7,14}}(?!\d)",
    re.ASCII,
)
_QR = re.compile(r"(?i)二维码|二維碼|(?<![a-z])qr[ _-]?codes?(?![a-z])")
_QR_FIELD = re.compile(r"(?i)^(?:qr|is_?qr|has_?qr|qr_?code(?:_?(?:url|text|content|data))?)$")


@dataclass(frozen=True, slots=True)
class Reading:
    kind: ContentKind
    text: str
    traits: Trait


def read(incoming: Incoming) -> Reading:
    """What a message that comes in says, and all of its traits."""
    text = payload.only_text_of(incoming.payload) if incoming.said is None else None
    if text is not None:  # as mostly: there is nothing else in it to look at
        kind, traits = ContentKind.TEXT, _traits_of_words(text)
    else:
        content = payload.decode(incoming.payload)
        text = text_of(content, incoming.said)
        kind = kind_of(content, incoming.payload, incoming.said)
        traits = traits_of(kind, text, content)
    if incoming.from_uid.strip() in ("", SYSTEM_UID):
        traits |= Trait.SYSTEM
    if incoming.is_stream:
        traits |= Trait.STREAM
        if not incoming.is_finished:
            traits |= Trait.UNFINISHED
    if incoming.channel.is_command:
        traits |= Trait.COMMAND
    return Reading(kind, text, traits)


def text_of(content: Content, said: str | None) -> str:
    """What is searched and shown: what was said in place of the payload, else what the payload says."""
    return content.text if said is None else payload.clean_text(said)


def normal_of(row: Stored) -> str:
    """The normal form of all that is searched of a message; between its texts stands what no normal form has."""
    before = row.before
    return norm(row.text) if before is None else f"{norm(row.text)}\n{norm(before)}"


def kind_of(content: Content, body: bytes, said: str | None) -> ContentKind:
    """A stream may have no payload at all: what it says is a text then."""
    return ContentKind.TEXT if said and not body.strip() else content.kind


def traits_of(kind: ContentKind, text: str, content: Content) -> Trait:
    """The traits that follow from what a message holds."""
    traits = _OF_KIND.get(kind, NO_TRAIT) | _traits_of_words(text)
    if len(content.fields) > 2 and any(value and _QR_FIELD.match(name) for name, value in content.fields.items()):
        traits |= Trait.QR
    return traits


def _traits_of_words(text: str) -> Trait:
    traits = NO_TRAIT
    start = text[:LOOKED_AT]
    if _HINT.search(start):
        if _LINK.search(start):
            traits |= Trait.LINK
        if _PHONE.search(start):
            traits |= Trait.PHONE
        if _QR.search(start):
            traits |= Trait.QR
    return traits
