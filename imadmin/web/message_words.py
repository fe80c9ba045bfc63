"""Messages in words and cells: kinds, masked bodies, snippets, links.  What is masked was never given to it."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from imadmin.archive.harmless import harmless, language_of, pieces
from imadmin.archive.marking import snippet, whole
from imadmin.archive.masking import BodyAccess, ShownMessage
from imadmin.archive.norm import norm
from imadmin.gateway.enums import SYSTEM_UID as SYSTEM_UID
from imadmin.gateway.types import ChannelRef, ChannelType, ContentKind
from imadmin.web import cells

CONVERSATION_MOST = 4000  # characters of one text shown in a conversation; its own page has the rest
ID_MOST = 22
_ADDRESSES = ("url", "file_url", "src", "path", "remotePath", "localPath")

CHANNEL_KINDS: Mapping[int, Promise] = {
    ChannelType.PERSON: gettext_lazy("Person chat"),
    ChannelType.GROUP: gettext_lazy("Group"),
    ChannelType.CUSTOMER_SERVICE: gettext_lazy("Customer service"),
    ChannelType.COMMUNITY: gettext_lazy("Community"),
    ChannelType.COMMUNITY_TOPIC: gettext_lazy("Community topic"),
    ChannelType.INFO: gettext_lazy("Info channel"),
    ChannelType.DATA: gettext_lazy("Data channel"),
    ChannelType.TEMP: gettext_lazy("Temporary"),
    ChannelType.LIVE: gettext_lazy("Live"),
    ChannelType.VISITORS: gettext_lazy("Visitors"),
    ChannelType.AGENT: gettext_lazy("Agent"),
    ChannelType.AGENT_GROUP: gettext_lazy("Agent group"),
}
KIND_WORDS: Mapping[ContentKind, Promise] = {
    ContentKind.TEXT: gettext_lazy("text"),
    ContentKind.IMAGE: gettext_lazy("image"),
    ContentKind.GIF: gettext_lazy("GIF"),
    ContentKind.VOICE: gettext_lazy("voice"),
    ContentKind.VIDEO: gettext_lazy("video"),
    ContentKind.LOCATION: gettext_lazy("location"),
    ContentKind.CARD: gettext_lazy("card"),
    ContentKind.FILE: gettext_lazy("file"),
    ContentKind.RICH_TEXT: gettext_lazy("rich text"),
    ContentKind.FORWARD: gettext_lazy("forwarded"),
    ContentKind.COMMAND: gettext_lazy("command"),
    ContentKind.SYSTEM: gettext_lazy("system"),
    ContentKind.CUSTOM: gettext_lazy("custom"),
    ContentKind.BROKEN: gettext_lazy("broken"),
}
KIND_ICONS: Mapping[ContentKind, str] = {
    ContentKind.TEXT: "message", ContentKind.IMAGE: "photo", ContentKind.GIF: "photo", ContentKind.VOICE: "activity",
    ContentKind.VIDEO: "player-play", ContentKind.LOCATION: "world", ContentKind.CARD: "user",
    ContentKind.FILE: "download", ContentKind.RICH_TEXT: "note", ContentKind.FORWARD: "share",
    ContentKind.COMMAND: "terminal-2", ContentKind.SYSTEM: "settings", ContentKind.CUSTOM: "note",
    ContentKind.BROKEN: "bug",
}  # fmt: skip


def url_of(name: str, *args: object) -> str:
    """ "" for what can't be in an address, such as an empty id."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def linked(text: object, url: str, css: str = "") -> SafeString:
    return cells.link(text, url, css) if url else cells.html('<span class="{css}">{text}</span>', css=css, text=text)


def channel_kind(channel: ChannelRef) -> str:
    word = CHANNEL_KINDS.get(channel.type)
    return str(word) if word else _("type %(number)s") % {"number": channel.type}


def kind_tag(message: ShownMessage) -> SafeString:
    return cells.tag(KIND_WORDS[message.kind], "warn" if message.kind is ContentKind.BROKEN else "")


def sender_cell(slug: str, uid: str, css: str = "") -> SafeString:
    if uid in ("", SYSTEM_UID):
        return cells.html('<span class="faint {css}">{word}</span>', css=css, word=_("system"))
    shown = cells.visible(uid)
    return cells.html(
        '<span title="{shown}">{link}</span>' if len(shown) > ID_MOST and not css else "{link}",
        shown=shown,
        link=linked(shown if css else shortened(shown), url_of("user", slug, uid), f"mono {css}"),
    )


def channel_cell(slug: str, channel: ChannelRef) -> SafeString:
    return cells.html(
        '<span title="{kind} {shown}">{link}</span>',
        kind=channel_kind(channel),
        shown=cells.visible(channel.id),
        link=linked(shortened(cells.visible(channel.id)), url_of("channel", slug, channel), "mono"),
    )


def shortened(shown: str) -> str:
    """Long ids without their middle, so that they leave room for what was said; the whole stands in the title."""
    return shown if len(shown) <= ID_MOST else f"{shown[: ID_MOST // 2]}…{shown[-(ID_MOST // 2 - 1) :]}"


def length_words(message: ShownMessage) -> str:
    """What is told of a masked body: how long and what kind, nothing of what it says."""
    if not message.length:
        return _size_words(message)
    count = ngettext("%(count)s character", "%(count)s characters", message.length) % {
        "count": cells.number(message.length)
    }
    return _("%(size)s, %(kind)s") % {"size": count, "kind": KIND_WORDS[message.kind]}


def masked_body(slug: str, message: ShownMessage, access: BodyAccess, *, is_link: bool = False) -> SafeString:
    """kind and length, with is_link leading to the message; the link to where it can be revealed, with a reason."""
    url = url_of("message", slug, message.id)
    words = cells.html('<span class="masked">{words}</span>', words=length_words(message))
    if is_link:
        words = cells.html('<a href="{url}" data-row>{words}</a>', url=url, words=words)
    if access is not BodyAccess.ONE_BY_ONE:
        return words
    return cells.html(
        '{words} <a class="btn s quiet" href="{url}#reveal">{icon}{label}</a>',
        words=words, url=url, icon=cells.icon("eye"), label=_("Reveal…"),
    )  # fmt: skip


def snippet_cell(slug: str, message: ShownMessage, access: BodyAccess, wanted: str) -> SafeString:
    """One line: the text with what was searched for marked, or what kind of thing it is."""
    url = url_of("message", slug, message.id)
    if message.is_masked:
        return masked_body(slug, message, access, is_link=True)
    return cells.html(
        '<a class="hitlink" href="{url}" data-row{language}>{prefix}<bdi>{text}</bdi></a>',
        url=url,
        language=_language(message.text or ""),
        prefix=_icon_before(message),
        text=highlighted(_said(message), wanted) or _nothing_said(message),
    )


def hit_cell(
    slug: str, message: ShownMessage, access: BodyAccess, terms: Sequence[str], *, marks: object = "", q: str = ""
) -> SafeString:
    """One line of an archived message, with what was searched for marked where it stands however it was written.

    q: the search, which its own page marks too.
    """
    if message.is_masked:
        return cells.html("{marks}{body}", marks=marks, body=masked_body(slug, message, access, is_link=True))
    text = _said(message)
    return cells.html(
        '<a class="hitlink" href="{url}" data-row{language}>{marks}{prefix}<bdi>{text}</bdi></a>',
        url=message_url(slug, message.id, q if terms else ""),
        language=_language(text),
        marks=marks,
        prefix=_icon_before(message),
        text=_marks(snippet(text, terms)) or _nothing_said(message),
    )


def highlighted(text: str, wanted: str) -> SafeString:
    return _marks(pieces(text, wanted))


def message_url(slug: str, message_id: int, q: str = "") -> str:
    """Its permalink; with a search, the page that marks its words."""
    url = url_of("message", slug, message_id)
    return f"{url}?{urlencode({'q': q})}" if q and url else url


def whole_text(message: ShownMessage, terms: Sequence[str] = ()) -> SafeString:
    """The text of a message in its conversation, with its line breaks; nothing for a masked one."""
    text = _said(message)
    start = text[:CONVERSATION_MOST]
    normal = norm(start) if terms else ""
    shown = _marks(whole(start, [term for term in terms if norm(term) in normal]))
    cut = "…" if len(text) > CONVERSATION_MOST else ""
    address = media_address(message)
    return cells.html(
        "{prefix}<bdi{language}>{text}{cut}</bdi>{address}",
        prefix=_prefix(message),
        language=_language(text),
        text=shown or _nothing_said(message),
        cut=cut,
        address=cells.html(' <span class="mono faint sm">{text}</span>', text=address) if address else "",
    )


def media_address(message: ShownMessage) -> str:
    """Where a picture or file is said to lie, as dead text: nothing is ever loaded from there."""
    if message.kind in (ContentKind.TEXT, ContentKind.SYSTEM) or not message.fields:
        return ""
    return next((_short(value) for name in _ADDRESSES if isinstance(value := message.fields.get(name), str)), "")


def _short(address: str) -> str:
    shown = harmless(address[:200])
    return f"{shown}…" if len(address) > 200 else shown


def _marks(parts: Any) -> SafeString:
    return cells.join(
        cells.html("<mark>{text}</mark>", text=part.text) if part.is_hit else conditional_escape(part.text)
        for part in parts
    )


def _prefix(message: ShownMessage) -> object:
    return "" if message.kind is ContentKind.TEXT else cells.html("{tag} ", tag=kind_tag(message))


def _icon_before(message: ShownMessage) -> object:
    return "" if message.kind is ContentKind.TEXT else cells.html("{icon} ", icon=cells.icon(KIND_ICONS[message.kind]))


def _said(message: ShownMessage) -> str:
    """The text, if there is anything in it to see."""
    text = message.text or ""
    return text if text.strip() else ""


def _nothing_said(message: ShownMessage) -> SafeString:
    return cells.html('<span class="faint">{words}</span>', words=_size_words(message))


def _size_words(message: ShownMessage) -> str:
    return _("%(size)s, %(kind)s") % {"size": cells.size(message.size), "kind": KIND_WORDS[message.kind]}


def _language(text: str) -> object:
    language = language_of(text)
    return cells.html(' lang="{language}"', language=language) if language else ""
