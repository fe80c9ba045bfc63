"""Small pieces of escaped HTML: icons, status words, ids, times, numbers.  Plain functions: a row is made of many.

Every function takes raw values and escapes them; what comes back is safe to put into a page.
"""

import re
import zoneinfo
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from html import escape as html_escape
from typing import Any, cast

from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

NARROW_SPACE = "\u202f"

# What would hide or reorder an id: control characters, zero-width ones, and the ones that turn writing direction.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]")
_UNSEEN_BUT_LINES = re.compile("(?![\n\t])" + _UNSEEN.pattern)

# shape -> class, as in the status table of the look
SHAPES = {
    "ok": "ok", "warn": "warn", "half": "warn", "bad": "bad", "move": "move", "run": "info", "off": "off",
    "unknown": "off", "stale": "off", "pause": "off", "info": "info",
}  # fmt: skip


def esc(piece: object) -> str:
    """Text is escaped, markup is kept. The two common types first: a page asks this a thousand times."""
    if type(piece) is SafeString:
        return piece
    if type(piece) is str:
        return html_escape(piece)
    return conditional_escape(cast(Any, piece))


@cache
def _sprite() -> str:
    return html_escape(static("icons.svg"))


def html(template: str, **pieces: object) -> SafeString:
    """Fill a template with pieces, escaping those that are not markup already."""
    return mark_safe(template.format(**{name: esc(piece) for name, piece in pieces.items()}))  # noqa: S308


def join(pieces: Iterable[object], by: str = "") -> SafeString:
    return mark_safe(by.join(esc(piece) for piece in pieces))  # noqa: S308


@lru_cache(256)
def icon(name: str, css: str = "") -> SafeString:
    """An icon of the sprite; always decoration, so the words beside it must say it all."""
    extra = f" {html_escape(css)}" if css else ""
    return mark_safe(  # noqa: S308
        f'<svg class="i{extra}" aria-hidden="true"><use href="{_sprite()}#{html_escape(name)}"/></svg>'
    )


@lru_cache(256)
def glyph(shape: str, label: str = "") -> SafeString:
    """A status shape alone. label: its word for those who don't see it, or "" beside a visible word."""
    role = f'role="img" aria-label="{html_escape(label)}"' if label else 'aria-hidden="true"'
    css = SHAPES.get(shape, "off")
    return mark_safe(  # noqa: S308
        f'<svg class="glyph {css}" {role}><use href="{_sprite()}#s-{html_escape(shape)}"/></svg>'
    )


def status(shape: str, word: object, detail: object = "") -> SafeString:
    """Shape, word and colour together. detail: a fainter remark after it."""
    css = SHAPES.get(shape, "off")
    after = html(' <span class="faint sm">{detail}</span>', detail=detail) if detail else ""
    return mark_safe(  # noqa: S308
        f'<span class="st {css}"><svg aria-hidden="true"><use href="{_sprite()}#s-{html_escape(shape)}"/></svg>'
        f"{esc(word)}</span>{after}"
    )


def tag(text: object, css: str = "") -> SafeString:
    return html('<span class="tag {css}">{text}</span>', css=css, text=text)


def _spell(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match.group()):04X}⟩"


def visible(text: object) -> str:
    """An id as one line, with unseen and direction-turning characters spelled out.  Not escaped."""
    return _UNSEEN.sub(_spell, str(text))


def visible_text(text: object) -> str:
    """The same for text of several lines: line breaks and tabs stay.  Not escaped."""
    return _UNSEEN_BUT_LINES.sub(_spell, str(text))


def copy_button(value: object, label: object) -> SafeString:
    return html(
        '<button class="copy" type="button" data-copy="{value}" aria-label="{label}">{icon}</button>',
        value=value, label=label, icon=icon("copy"),
    )  # fmt: skip


def ident(value: object, url: str = "", label: object = "", *, more: str = "", copy: bool = True) -> SafeString:
    """An id in mono with a copy button. label: "Copy uid".  more: "drawer" opens the link beside the list."""
    shown = visible(value)
    title = html(' title="{shown}"', shown=shown) if len(shown) > 24 else ""
    body = (
        html(
            '<a href="{url}"{more}{title} dir="ltr">{shown}</a>',
            url=url,
            more=_drawer(url, more),
            title=title,
            shown=shown,
        )
        if url
        else html('<span{title} dir="ltr">{shown}</span>', title=title, shown=shown)
    )
    button = copy_button(value, label or _("Copy id")) if copy else ""
    return html('<span class="id">{body}{button}</span>', body=body, button=button)


def _drawer(url: str, more: str) -> SafeString:
    if more != "drawer":
        return mark_safe("")
    return html(' data-drawer hx-get="{url}" hx-target="#drawer" hx-swap="innerHTML" hx-push-url="true"', url=url)


def link(text: object, url: str, css: str = "", *, more: str = "") -> SafeString:
    """more: "drawer" opens it beside the list; without JavaScript it is a page of its own."""
    return html('<a href="{url}" class="{css}"{more}>{text}</a>', url=url, css=css, more=_drawer(url, more), text=text)


def mono(text: object) -> SafeString:
    return html('<span class="mono">{text}</span>', text=visible(text))


def number(value: int | float | None, digits: int = 0) -> SafeString:
    """Grouped by narrow spaces; None is "unknown". Never for ids, sequences, slots or nodes."""
    if value is None:
        return html('<span class="faint">{word}</span>', word=_("unknown"))
    text = f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"
    return mark_safe(text.replace(",", NARROW_SPACE))  # noqa: S308


def zone_name(moment: datetime) -> str:
    """ "UTC+8", "UTC-3:30", "UTC": the offset is clearer than a city."""
    offset = moment.utcoffset()
    minutes = int(offset.total_seconds() // 60) if offset else 0
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}{f':{rest:02d}' if rest else ''}"


def exact(moment: datetime) -> str:
    """ "2026-11-20 14:28:51 UTC+8", in the reader's zone."""
    local = timezone.localtime(moment)
    return f"{local:%Y-%m-%d %H:%M:%S} {zone_name(local)}"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, or how long until, in one short phrase."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for unit, size, past, future in _steps():
        if abs(seconds) < unit:
            return (past if seconds > -1 else future).replace("{n}", str(int(abs(seconds) // size)))
    return exact(moment)[:10]


def _steps() -> Sequence[tuple[float, int, str, str]]:
    return _steps_in(get_language() or "")


@lru_cache(8)
def _steps_in(_language: str) -> Sequence[tuple[float, int, str, str]]:
    """(below how many seconds, seconds of the unit, phrase for the past, for the future), looked up once a language."""
    return (
        (90, 1, _("{n} s ago"), _("in {n} s")),
        (90 * 60, 60, _("{n} min ago"), _("in {n} min")),
        (36 * 3600, 3600, _("{n} h ago"), _("in {n} h")),
        (60 * 86400, 86400, _("{n} d ago"), _("in {n} d")),
    )


def ago_words() -> dict[str, str]:
    """The phrases that static/js/time.js needs to keep times fresh: data attributes of <body>."""
    names = ("s", "min", "h", "d")
    return {
        key: phrase
        for name, (_unit, _size, past, future) in zip(names, _steps(), strict=True)
        for key, phrase in ((f"ago-{name}", past), (f"in-{name}", future))
    }


def when(moment: datetime | None, *, never: object = "") -> SafeString:
    """Relative time, exact on hover, kept fresh by the browser. None is `never` ("never" unless told)."""
    if moment is None:
        return html('<span class="faint">{word}</span>', word=never or pgettext("moment", "never"))
    return html(
        '<time datetime="{iso}" title="{exact}" data-ago>{ago}</time>',
        iso=moment.isoformat(timespec="seconds"), exact=exact(moment), ago=ago(moment),
    )  # fmt: skip


def clock(moment: datetime | None) -> SafeString:
    """Time of day, with the date before it when it isn't today."""
    if moment is None:
        return when(None)
    local = timezone.localtime(moment)
    shape = "%H:%M:%S" if local.date() == timezone.localtime().date() else "%Y-%m-%d %H:%M:%S"
    return html(
        '<time datetime="{iso}" title="{exact}">{text}</time>',
        iso=moment.isoformat(timespec="milliseconds"), exact=exact(moment), text=local.strftime(shape),
    )  # fmt: skip


def duration(seconds: float | None) -> str:
    """ "2 d 3 h", "5 min 2 s", "41 s"; at most two parts."""
    if seconds is None:
        return _("unknown")
    parts: list[str] = []
    left = int(seconds)
    for size, word in ((86400, _("{n} d")), (3600, _("{n} h")), (60, _("{n} min")), (1, _("{n} s"))):
        count, left = divmod(left, size)
        if count or (size == 1 and not parts):
            parts.append(word.replace("{n}", str(count)))
        if len(parts) == 2:
            break
    return " ".join(parts)


def size(count: int | None) -> str:
    """Bytes in binary units."""
    if count is None:
        return _("unknown")
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):  # noqa: B007
        if amount < 1024:
            break
        amount /= 1024
    else:
        unit = "TiB"
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def spark(values: Sequence[float | None], css: str = "") -> SafeString:
    """An 80x20 line; None is a gap, drawn as a gap."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return mark_safe("")
    low, high = min(known), max(known)
    span, step, path, pen = (high - low) or 1, 76 / (len(values) - 1), [], "M"
    for index, value in enumerate(values):
        if value is None:
            pen = "M"
            continue
        last = (2 + index * step, 18 - 16 * (value - low) / span)
        path.append(f"{pen}{last[0]:.1f} {last[1]:.1f}")
        pen = "L"
    return html(
        '<svg class="spark {css}" viewBox="0 0 80 20" aria-hidden="true"><path d="{path}"/>'
        '<circle cx="{x}" cy="{y}" r="2"/></svg>',
        css=css, path="".join(path), x=f"{last[0]:.1f}", y=f"{last[1]:.1f}",
    )  # fmt: skip


def meter(share: float | None, css: str = "") -> SafeString:
    """A bar of 0..1, beside a figure that says the same."""
    width = f"{max(0.0, min(1.0, share or 0.0)) * 100:.0f}%"
    return html(
        '<svg class="meter {css}" aria-hidden="true" preserveAspectRatio="none">'
        '<rect width="{width}" height="100%"/></svg>',
        css=css, width=width,
    )  # fmt: skip


def attributes(values: Any) -> SafeString:
    """` name="value"` for each; True is a bare name, None and False are left out."""
    pieces = []
    for name, value in values.items():
        if value is True:
            pieces.append(f" {html_escape(name)}")
        elif value is not None and value is not False:
            pieces.append(f' {html_escape(name)}="{esc(value)}"')
    return mark_safe("".join(pieces))  # noqa: S308


def known_zone(name: str) -> zoneinfo.ZoneInfo | None:
    """The time zone of that IANA name, or None."""
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None
