"""A spread in words, tables and one chart.  What is masked was never given to it."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from imadmin.archive.harmless import pieces
from imadmin.archive.operators import quoted
from imadmin.archive.spread import Bar, Place, Spread, Variant, Writer
from imadmin.clusters.access import Scope
from imadmin.clusters.converters import ChannelConverter
from imadmin.web import cells, message_query, states
from imadmin.web import message_words as words
from imadmin.web.tables import Column, Select, Table, clock, number, when

WRITERS = 200
PLACES = 20
VARIANTS = 12
DENY_MOST = 20
WIDTH, HEIGHT, LEFT, FOOT, TOP = 720, 136, 34, 22, 6
BAR_MOST = 28  # pixels


@dataclass(frozen=True, slots=True)
class VariantShown:
    """text: harmless, None when masked."""

    text: str | None
    length: str
    count: int
    is_same: bool
    url: str
    last: datetime


def source(scope: Scope, found: Spread) -> SafeString:
    """What was compared: the text, or of a masked one its length."""
    if found.text is None:
        return cells.html('<span class="masked">{words}</span>', words=_length(found.length))
    text = "".join(piece.text for piece in pieces(found.text, limit=400))
    return cells.html("<bdi>{text}</bdi>", text=text)


def verdict(found: Spread) -> str:
    """How many, by how many, where; "at least" when the work was ended early."""
    if not found.total:
        return _("Nobody wrote this in that time.")
    sentence = (
        _("At least %(messages)s by %(senders)s in %(channels)s.")
        if found.is_cut
        else _("%(messages)s by %(senders)s in %(channels)s.")
    )
    return sentence % {
        "messages": _counted(ngettext("%(count)s message", "%(count)s messages", found.total), found.total),
        "senders": _counted(ngettext("%(count)s sender", "%(count)s senders", len(found.writers)), len(found.writers)),
        "channels": _counted(ngettext("%(count)s channel", "%(count)s channels", len(found.places)), len(found.places)),
    }


def writers_table(scope: Scope, found: Spread) -> Table:
    slug = scope.slug

    def search(row: Writer) -> object:
        url = message_query.search_url(slug, f"from:{quoted(row.uid)}")
        label = _("Messages of %(uid)s") % {"uid": cells.visible(row.uid)}
        return cells.html(
            '<a class="btn s quiet icon" href="{url}" aria-label="{label}" title="{label}">{icon}</a>',
            url=url, label=label, icon=cells.icon("message-search"),
        )  # fmt: skip

    return Table(
        columns=(
            Column("uid", _("Sender"), lambda row: words.sender_cell(slug, row.uid), kind="id", phone="m1"),
            Column("count", _("Messages"), lambda row: number(row.count), kind="num", phone="m2"),
            Column("exact", _("Word for word"), lambda row: number(row.exact), kind="num", hide="p2"),
            Column("first", _("First"), lambda row: clock(row.first), kind="time", hide="p3"),
            Column("last", _("Last"), lambda row: clock(row.last), kind="time", phone="m3"),
            Column("do", _("Actions"), search, kind="actions"),
        ),
        rows=found.writers[:WRITERS],
        caption=_("Senders, most messages first"),
        empty=_nobody(),
        select=Select(
            lambda row: row.uid, lambda row: _("Select %s") % cells.visible(row.uid), name="uids", form="selection"
        ),
    )


def places_table(scope: Scope, found: Spread) -> Table:
    slug = scope.slug
    return Table(
        columns=(
            Column("channel", _("Channel"), lambda row: words.channel_cell(slug, row.channel), kind="id", phone="m1"),
            Column("kind", _("Kind"), lambda row: words.channel_kind(row.channel), hide="p3", css="nw"),
            Column("count", _("Messages"), lambda row: number(row.count), kind="num", phone="m2"),
            Column("last", _("Last"), lambda row: when(row.last), kind="time", phone="m3"),
        ),
        rows=found.places[:PLACES],
        caption=_("Channels, most messages first"),
        empty=_nobody(),
        plain=True,
    )


def rows_table(scope: Scope, found: Spread) -> Table:
    slug = scope.slug
    snippet = partial(words.hit_cell, slug, access=found.access, terms=())
    return Table(
        columns=(
            Column("sent_at", _("Time"), lambda row: clock(row.sent_at), kind="time", phone="m2"),
            Column("from_uid", _("Sender"), lambda row: words.sender_cell(slug, row.from_uid), kind="id", phone="m1"),
            Column("text", _("Message"), snippet, kind="fill", phone="m3"),
            Column("channel", _("Channel"), lambda row: words.channel_cell(slug, row.channel), hide="p2", css="nw"),
        ),
        rows=found.rows,
        caption=_("Messages, newest first"),
        empty=_nobody(),
    )


def variants(scope: Scope, found: Spread) -> list[VariantShown]:
    return [_variant(scope, row) for row in found.variants[:VARIANTS]]


def _variant(scope: Scope, row: Variant) -> VariantShown:
    shown = None if row.text is None else "".join(piece.text for piece in pieces(row.text))
    url = words.url_of("message", scope.slug, row.newest_id)
    return VariantShown(shown, _length(row.length), row.count, row.is_same, url, row.last)


def deny_channels(found: Spread) -> list[tuple[str, str]]:
    """(path, words) of the channels that have a denylist of their own: a chat of two people has none."""
    open_to_many = [place for place in found.places if not place.channel.is_person]
    return [(_path(place), f"{cells.visible(place.channel.id)} ({place.count})") for place in open_to_many[:DENY_MOST]]


def _path(place: Place) -> str:
    return ChannelConverter().to_url(place.channel.base)


def bars_table(found: Spread) -> Table:
    return Table(
        columns=(
            Column("start", _("From"), lambda bar: _bar_words(bar, found), kind="id", phone="m1"),
            Column("count", _("Messages"), lambda bar: number(bar.count), kind="num", phone="m2"),
            Column("exact", _("Word for word"), lambda bar: number(bar.exact), kind="num", phone="m3"),
        ),
        rows=[bar for bar in found.bars if bar.count],
        caption=_("Messages over time"),
        empty=_nobody(),
        plain=True,
    )


def chart(found: Spread) -> SafeString | str:
    """Bars of an hour or a day each: word for word below, near copies on top.  The table beside it says the same."""
    if not found.bars:
        return ""
    high = max(bar.count for bar in found.bars)
    step = (WIDTH - LEFT) / len(found.bars)
    scale = (HEIGHT - FOOT - TOP) / high
    drawn = cells.join(_bar(found, place, bar, step, scale) for place, bar in enumerate(found.bars))
    floor = HEIGHT - FOOT
    return cells.html(
        '<svg class="chart wave" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
        '<path class="grid" d="M{left} {top}H{width}"/><path class="axis" d="M{left} {floor}H{width}"/>'
        '<text x="{before}" y="{figure}" text-anchor="end">{high}</text>'
        '<text x="{before}" y="{floor}" text-anchor="end">0</text>{bars}{labels}</svg>',
        width=WIDTH, height=HEIGHT, left=LEFT, before=LEFT - 6, top=TOP, figure=TOP + 8, floor=floor,
        high=number(high), label=_("Messages over time; the same numbers are in the table below."),
        bars=drawn, labels=_labels(found, step),
    )  # fmt: skip


def _bar(found: Spread, place: int, bar: Bar, step: float, scale: float) -> object:
    if not bar.count:
        return ""
    wide = max(1.0, min(BAR_MOST, step - 1))
    left = LEFT + place * step + (step - wide) / 2
    exact, near = bar.exact * scale, (bar.count - bar.exact) * scale
    floor = HEIGHT - FOOT
    title = f"{_bar_words(bar, found)}: {bar.count}"
    return cells.html(
        '<g><title>{title}</title><rect class="b1" x="{x}" y="{y1}" width="{w}" height="{h1}"/>'
        '<rect class="b3" x="{x}" y="{y2}" width="{w}" height="{h2}"/></g>',
        title=title, x=f"{left:.1f}", w=f"{wide:.1f}", y1=f"{floor - exact:.1f}", h1=f"{exact:.1f}",
        y2=f"{floor - exact - near:.1f}", h2=f"{near:.1f}",
    )  # fmt: skip


def _labels(found: Spread, step: float) -> SafeString:
    """The first, the middle and the last; few bars name fewer."""
    last = len(found.bars) - 1
    wanted = sorted({0, last // 2, last} if last > 3 else {0, last})
    return cells.join(
        cells.html(
            '<text x="{x}" y="{y}" text-anchor="{anchor}">{text}</text>',
            x=f"{LEFT + place * step if place == 0 else WIDTH if place == last else LEFT + (place + 0.5) * step:.1f}",
            y=HEIGHT - 4,
            anchor="start" if place == 0 else "end" if place == last else "middle",
            text=_bar_words(found.bars[place], found),
        )
        for place in wanted
    )


def _bar_words(bar: Bar, found: Spread) -> str:
    return f"{bar.start:%m-%d %H:%M}" if found.is_hourly else f"{bar.start:%Y-%m-%d}"


def _length(length: int) -> str:
    return ngettext("%(count)s character", "%(count)s characters", length) % {"count": cells.number(length)}


def _counted(template: str, count: int) -> str:
    return template % {"count": cells.number(count)}


def _nobody() -> states.State:
    return states.filtered(_("Nobody wrote this in that time. Look back further, or at how complete the archive is."))
