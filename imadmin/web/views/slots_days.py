"""Leader changes a day as bars, drawn here: thirty of them need no chart library.  Days nobody watched are hatched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from imadmin.monitor.slots import Day
from imadmin.web import cells

LEFT, TOP, GAP = 50.0, 10.0, 0.28  # GAP: of a day's width
WIDE, NARROW = (1120.0, 120.0, 98.0), (362.0, 130.0, 108.0)  # width, height, baseline


@dataclass(frozen=True, slots=True)
class Days:
    wide: SafeString
    narrow: SafeString
    known: int


def chart(days: Sequence[Day]) -> Days:
    known = sum(day.changes is not None for day in days)
    return Days(_picture(days, *WIDE, every=5), _picture(days, *NARROW, every=10), known)


def _picture(days: Sequence[Day], width: float, height: float, base: float, *, every: int) -> SafeString:
    top = _top(max((day.changes or 0 for day in days), default=0))
    step = (width - 8 - LEFT) / max(len(days), 1)
    bars, holes, labels = [], [], []
    for place, day in enumerate(days):
        x, wide = LEFT + (place + GAP / 2) * step, step * (1 - GAP)
        if day.changes is None:
            holes.append(cells.html('<rect class="hole" x="{x}" y="{y}" width="{w}" height="{h}"/>',
                                    x=f"{x:.1f}", y=TOP, w=f"{wide:.1f}", h=f"{base - TOP:.1f}"))  # fmt: skip
        elif day.changes:
            tall = max(2.0, (base - TOP) * day.changes / top)
            bars.append(f"M{x:.1f} {base - tall:.1f}h{wide:.1f}v{tall:.1f}h-{wide:.1f}z")
        if (len(days) - 1 - place) % every == 0:
            text = date_format(day.day, pgettext("format of a day under a chart", "j M"))
            labels.append(cells.html('<text x="{x}" y="{y}" text-anchor="middle">{text}</text>',
                                     x=f"{x + wide / 2:.1f}", y=f"{base + 17:.0f}", text=text))  # fmt: skip
    middle = base - (base - TOP) / 2
    return cells.html(
        '<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{say}">'
        '<path class="grid" d="M50 {base}H{right}"/><text x="42" y="{zero}" text-anchor="end">0</text>'
        '<path class="grid" d="M50 {middle}H{right}"/><text x="42" y="{half}" text-anchor="end">{some}</text>'
        '{holes}<path class="b1" d="{bars}"/><path class="axis" d="M50 {base}H{right}"/>{labels}</svg>',
        width=f"{width:.0f}", height=f"{height:.0f}", say=_say(days), base=base, right=f"{width - 8:.0f}",
        zero=base + 4, middle=f"{middle:.1f}", half=f"{middle + 4:.1f}", some=cells.number(top // 2),
        holes=cells.join(holes), bars="".join(bars), labels=cells.join(labels),
    )  # fmt: skip


def _say(days: Sequence[Day]) -> str:
    known = [day.changes for day in days if day.changes is not None]
    if not known:
        return _("Leader changes a day: nobody watched yet")
    today = days[-1].changes
    return _("Leader changes a day: %(today)s today, %(most)s at most, %(unknown)s days without data") % {
        "today": _("unknown") if today is None else today, "most": max(known), "unknown": len(days) - len(known),
    }  # fmt: skip


def _top(most: int) -> int:
    """The top of the scale: even, and a round number at or above the highest bar."""
    size = 1
    while True:
        for factor in (2, 4, 6, 10):
            if factor * size >= most:
                return factor * size
        size *= 10
