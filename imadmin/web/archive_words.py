"""How complete an archive is, in words: for its own page."""

from datetime import datetime

from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from imadmin.archive.completeness import Completeness, HeldChannel
from imadmin.jobs.archives import Reading
from imadmin.web import cells

SHAPES = {
    "off": "off", "empty": "ok", "filling": "run", "waiting": "pause", "gaps": "half", "complete": "ok",
}  # fmt: skip


def verdict(found: Completeness) -> tuple[str, str, str]:
    """Shape, word and sentence."""
    words = {
        "off": (_("Closed"), _("Messages of this cluster are not archived. What was archived before can be searched.")),
        "empty": (_("Empty"), _("The archive is open and the cluster has no messages.")),
        "filling": (_("Filling"), _("The cluster is being read for the first time; a search finds what is there.")),
        "waiting": (_("Rests"), _(found.waits_for)),
        "gaps": (_("With gaps"), _missing(found)),
        "complete": (_("Complete"), _whole(found)),
    }
    word, sentence = words[found.state]
    return SHAPES[found.state], word, sentence


def progress(reading: Reading) -> str:
    """Rate and time left."""
    if reading.run.state == "queued":
        return _("Waits for a worker")
    if reading.per_second is None:
        return _("Listing channels")
    rate = _("%(count)s messages a second") % {"count": cells.number(round(reading.per_second))}
    if reading.seconds_left is None:
        return rate
    return _("%(rate)s, about %(time)s left") % {"rate": rate, "time": cells.duration(reading.seconds_left)}


def bar(row: HeldChannel) -> SafeString:
    """From number 1 to the newest: filled is held, empty is missing.  The figure beside says the same."""
    pieces = cells.join(
        cells.html('<rect x="{x}%" width="{width}%" height="100%"/>', x=x / 10, width=width / 10)
        for x, width, is_held in row.bar
        if is_held
    )
    return cells.html('<svg class="meter" aria-hidden="true" preserveAspectRatio="none">{pieces}</svg>', pieces=pieces)


def ranges(row: HeldChannel, most: int = 3) -> str:
    """ "12–40, 55" """
    shown = [str(first) if first == last else f"{first}–{last}" for first, last in row.hold.gaps[:most]]
    more = len(row.hold.gaps) - most
    if more > 0:
        shown.append(_("%(count)s more") % {"count": cells.number(more)})
    return ", ".join(shown)


def _missing(found: Completeness) -> str:
    coverage = found.coverage
    said = ngettext(
        "%(missing)s messages are missing, in %(count)s channel.",
        "%(missing)s messages are missing, in %(count)s channels.",
        coverage.with_gaps,
    ) % {"missing": cells.number(coverage.missing), "count": cells.number(coverage.with_gaps)}
    if not coverage.unlisted:
        return said
    lost = ngettext(
        "The server doesn’t list %(count)s of these channels: their %(missing)s can’t be read.",
        "The server doesn’t list %(count)s of these channels: their %(missing)s can’t be read.",
        coverage.unlisted,
    ) % {"missing": cells.number(coverage.missing_unlisted), "count": cells.number(coverage.unlisted)}
    return f"{said} {lost}"


def _whole(found: Completeness) -> str:
    """Up to when for certain, and what is known of the time since."""
    if found.is_fed and found.feed_seen_at:
        said = _(
            "Everything the cluster had at %(when)s, when the last whole round began, is here. Newer messages come by "
            "the webhook, the last %(ago)s."
        )
        return said % {"when": _moment(found.up_to), "ago": cells.ago(found.feed_seen_at)}
    said = _(
        "Everything the cluster had at %(when)s, when the last whole round began, is here. What came later may be "
        "missing."
    )
    return said % {"when": _moment(found.up_to)}


def _moment(at: datetime | None) -> str:
    return date_format(localtime(at), "Y-m-d H:i") if at else ""
