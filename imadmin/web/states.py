"""What a panel shows instead of rows: empty and why, filtered away, forbidden, down, failed, not offered."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from imadmin.core.errors import AppError, Forbidden, InvalidInput, Unsupported
from imadmin.gateway.errors import GatewayError, RefusedLocally
from imadmin.web import cells


@dataclass(frozen=True, slots=True)
class Verb:
    """A link that is drawn as a small button. quiet: without its outline."""

    label: object
    url: str
    icon: str = ""
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """shape: a status glyph ("bad"), or "" for the neutral icon.  why: always say it.  heading: h1 on a page."""

    title: object
    why: object = ""
    icon: str = "inbox"
    shape: str = ""
    verbs: Sequence[Verb] = ()
    role: str = ""
    heading: str = "h3"

    def html(self) -> SafeString:
        mark = cells.glyph(self.shape) if self.shape else cells.icon(self.icon)
        return cells.html(
            '<div class="empty"{role}>{mark}<{heading}>{title}</{heading}>{why}{verbs}</div>',
            role=cells.html(' role="{role}"', role=self.role) if self.role else "",
            mark=mark,
            title=self.title,
            heading=self.heading,
            why=cells.html("<p>{why}</p>", why=self.why) if self.why else "",
            verbs=self._verbs(),
        )

    __html__ = html

    def _verbs(self) -> object:
        if not self.verbs:
            return ""
        buttons = cells.join(
            cells.html(
                '<a class="btn s{quiet}" href="{url}">{icon}{label}</a>',
                quiet=" quiet" if verb.quiet else "",
                url=verb.url,
                icon=cells.icon(verb.icon) if verb.icon else "",
                label=verb.label,
            )
            for verb in self.verbs
        )
        return cells.html('<div class="verbs">{buttons}</div>', buttons=buttons)


def empty(title: object, why: object = "", *verbs: Verb, icon: str = "inbox") -> State:
    """Nothing there yet. why: what would put something here, or why there can't be."""
    return State(title, why, icon=icon, verbs=verbs)


def filtered(why: object, *verbs: Verb) -> State:
    """There is something, but the filters hide it. why: how many there are and which filter hides them."""
    return State(_("No match"), why, icon="zoom-question", verbs=verbs)


def forbidden(why: object, *verbs: Verb) -> State:
    return State(_("Not in your grant"), why, icon="lock", verbs=verbs)


def unsupported(title: object, why: object, *verbs: Verb) -> State:
    return State(title, why, icon="plug", verbs=verbs)


def down(why: object, *verbs: Verb) -> State:
    return State(_("The cluster does not answer"), why, shape="bad", verbs=verbs, role="alert")


def of_error(error: AppError, *verbs: Verb) -> State:
    """The state that an error deserves, in the reader's language."""
    title, why = _(error.title), error.text(_)
    if isinstance(error, InvalidInput) and why == title:
        # No form stands beside a panel: what is wrong with each field is all there is to tell.
        why = " ".join(_(sentence) for sentences in error.fields.values() for sentence in sentences)
    hint = _(error.hint) % error.params if error.hint and error.params else _(error.hint) if error.hint else ""
    if why == title:
        why = hint
    elif hint:
        why = f"{why} {hint}"
    node = getattr(error, "node", "")
    if node:
        why = f"{why} {_('Asked: %(node)s.') % {'node': cells.visible(_(node))}}".strip()
    if isinstance(error, Forbidden):
        return State(title, why, icon="lock", verbs=verbs)
    if isinstance(error, Unsupported):
        return State(title, why, icon="plug", verbs=verbs)
    shape = "warn" if isinstance(error, RefusedLocally) else "bad" if isinstance(error, GatewayError) else ""
    return State(title, why, icon="zoom-question", shape=shape, verbs=verbs, role="alert" if shape == "bad" else "")


def failed(reference: str, *verbs: Verb) -> State:
    """A panel that broke. reference: also in the log."""
    why = cells.html(
        cells.esc(_("The rest of the page is fine. Quote {reference} when you report it.")),
        reference=cells.html("<code>{reference}</code>", reference=reference),
    )
    return State(_("This panel failed"), why, shape="bad", verbs=verbs, role="alert")
