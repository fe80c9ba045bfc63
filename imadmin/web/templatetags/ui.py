"""The small pieces of `cells` as template tags and filters, and the ones that need a request or a form."""

import json
import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from django import template
from django.forms import BoundField, CheckboxInput, HiddenInput, Select, Textarea
from django.template import RequestContext
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from imadmin.audit.record import REASON_MAX, REASON_MIN
from imadmin.core.errors import AppError
from imadmin.core.outcomes import RESULT_WORDS, Outcomes, Result
from imadmin.web import cells, states

register = template.Library()

register.simple_tag(cells.icon, name="icon")
register.simple_tag(cells.glyph, name="glyph")
register.simple_tag(cells.status, name="status")
register.simple_tag(cells.tag, name="tag")
register.simple_tag(cells.ident, name="ident")
register.simple_tag(cells.copy_button, name="copy_button")
register.simple_tag(cells.when, name="when")
register.simple_tag(cells.clock, name="clock")
register.simple_tag(cells.number, name="number")
register.simple_tag(cells.spark, name="spark")
register.simple_tag(cells.meter, name="meter")
register.simple_tag(cells.attributes, name="attributes")
register.filter("grouped", cells.number)
register.filter("duration", cells.duration)
register.filter("bytes", cells.size)
register.filter("visible", cells.visible)
register.filter("visible_text", cells.visible_text)
register.filter("state_of", states.of_error)

OUTCOME_SHAPES = {
    Result.DONE: "ok", Result.ALREADY: "off", Result.NOT_FOUND: "warn", Result.FAILED: "bad", Result.UNKNOWN: "unknown",
}  # fmt: skip


@register.simple_tag
def reason_bounds() -> SafeString:
    """What a field for a reason says about its length."""
    return cells.attributes({"minlength": str(REASON_MIN), "maxlength": str(REASON_MAX)})


@register.filter
def exact(moment: datetime | None) -> str:
    """The moment in the reader's zone, with the zone."""
    return cells.exact(moment) if moment else ""


@register.filter
def translated(message: object) -> str:
    """A template written in a lower layer, in the reader's language; for errors with its values filled in."""
    return message.text(_) if isinstance(message, AppError) else _(str(message)) if message else ""


@register.filter
def filled(template: str, values: Mapping[str, object]) -> str:
    """The same with these values in it."""
    return _(template) % values


@register.filter
def outcome_shape(result: str) -> str:
    return OUTCOME_SHAPES.get(Result(result), "unknown")


@register.filter
def outcome_word(result: str) -> str:
    return _(RESULT_WORDS[Result(result)])


@register.filter
def outcome_counts(outcomes: Outcomes) -> list[tuple[str, str, int]]:
    """(shape, word, count) for each result that occurred."""
    return [(outcome_shape(name), outcome_word(name), count) for name, count in outcomes.counts().items()]


@register.simple_tag(takes_context=True)
def live(context: RequestContext, topics: str, url: str = "") -> SafeString:
    """Attributes of a part that follows the cluster: it asks its own page for itself when one of the topics changes.

    topics: nouns apart by spaces ("nodes slots").  The element needs an id; the page answers its part for that target.
    url: what to ask instead of the page's own address.
    """
    named = topics.split()
    return cells.attributes(
        {
            "data-live": " ".join(named),
            "hx-get": url or context["request"].get_full_path(),
            "hx-trigger": ", ".join([*(f"live:{noun} from:body" for noun in named), "live:again"]),
            "hx-target": "this",
            "hx-ext": "morph",  # what has the focus, is scrolled or open stays so
            "hx-swap": "morph:outerHTML",
        }
    )


@register.simple_tag
def field(
    bound: BoundField, hint: str = "", label: str = "", css: str = "", input_css: str = "", **attrs: Any
) -> SafeString:
    """A form field with label, hint and error, tied together for screen readers. More attributes go to the input.

    hint: instead of the field's help text; "none" shows none.
    """
    if isinstance(bound.field.widget, HiddenInput):
        return mark_safe(bound.as_widget())  # noqa: S308
    hint = "" if hint == "none" else hint or str(bound.help_text or "")
    given = _described(bound, hint, input_css) | {name.replace("_", "-"): value for name, value in attrs.items()}
    is_plain_select = bound.field.widget.template_name == Select.template_name
    control = _select(bound, given) if is_plain_select else mark_safe(bound.as_widget(attrs=given))  # noqa: S308
    text = label or bound.label
    below = cells.join((_errors(bound), _hint(bound, hint)))
    if isinstance(bound.field.widget, CheckboxInput):
        return cells.html(
            '<div class="field {css}">'
            '<label class="check" for="{id}">{control}<span>{text}</span></label>{below}</div>',
            css=css, id=bound.id_for_label, control=control, text=text, below=below,
        )  # fmt: skip
    if not isinstance(bound.field.widget, Select) and bound.field.widget.use_fieldset:
        return cells.html(
            '<fieldset class="field {css}"><legend>{text}</legend>{control}{below}</fieldset>',
            css=css, text=text, control=control, below=below,
        )  # fmt: skip
    return cells.html(
        '<div class="field {css}"><label for="{id}">{text}</label>{control}{below}</div>',
        css=css, id=bound.id_for_label, text=text, control=control, below=below,
    )  # fmt: skip


def _described(bound: BoundField, hint: str, css: str) -> dict[str, Any]:
    """The attributes that tie an input to its errors and hint; its class and height."""
    given: dict[str, Any] = {}
    described = []
    if bound.errors:
        described.append(f"{bound.auto_id}_error")
        given["aria-invalid"] = "true"
    if hint:
        described.append(f"{bound.auto_id}_hint")
    if described:
        given["aria-describedby"] = " ".join(described)
    if css:
        given["class"] = css
    if isinstance(bound.field.widget, Textarea):
        own = str(bound.field.widget.attrs.get("rows", ""))
        given["rows"] = own if own not in ("", "10") else 4  # Django says 10 when nobody chose
    return given


def _select(bound: BoundField, attrs: dict[str, Any]) -> SafeString:
    """A select of plain options. Django renders two templates an option, which was a quarter of a page of 50 rows."""
    widget = cast(Select, bound.field.widget)
    attrs = bound.build_widget_attrs({"id": bound.auto_id, **attrs}, widget)
    shown = widget.get_context(bound.html_name, bound.value(), attrs)["widget"]
    options = [
        cells.html(
            '<option value="{value}"{attrs}>{label}</option>',
            value="" if option["value"] is None else str(option["value"]), label=option["label"],
            attrs=_attributes(option["attrs"]),
        )
        for _group, members, _index in shown["optgroups"]
        for option in members
    ]  # fmt: skip
    return cells.html(
        '<select name="{name}"{attrs}>{options}</select>',
        name=shown["name"], attrs=_attributes(shown["attrs"]), options=cells.join(options),
    )  # fmt: skip


def _attributes(attrs: dict[str, Any]) -> SafeString:
    """Attributes as Django writes them: True stands alone, None and False are left out."""
    given = [(name, value) for name, value in attrs.items() if value is not None and value is not False]
    return cells.join(
        cells.html(" {name}", name=name)
        if value is True
        else cells.html(' {name}="{value}"', name=name, value=f"{value}")
        for name, value in given
    )


def _errors(bound: BoundField) -> object:
    if not bound.errors:
        return ""
    return cells.html(
        '<p class="err" id="{id}_error">{icon}<span>{text}</span></p>',
        id=bound.auto_id, icon=cells.icon("alert-triangle"), text=cells.join(bound.errors, " "),
    )  # fmt: skip


def _hint(bound: BoundField, hint: str) -> object:
    return cells.html('<p class="hint" id="{id}_hint">{text}</p>', id=bound.auto_id, text=hint) if hint else ""


@register.simple_tag(takes_context=True)
def with_query(context: RequestContext, **changes: Any) -> str:
    """The page's own address with some query values changed; None or "" takes one away. Pages start over: no cursor."""
    query = context["request"].GET.copy()
    for name, value in {"cursor": "", "back": "", **changes}.items():
        if isinstance(value, list | tuple):
            query.setlist(name, list(value))
        elif value in (None, ""):
            query.pop(name, None)
        else:
            query[name] = value
    return f"?{query.urlencode()}" if query else context["request"].path


@register.simple_tag(takes_context=True)
def curl(context: RequestContext, path: str, method: str = "GET", body: Any = None) -> str:
    """The same question to our JSON API as a shell command. The token is a variable, never a value."""
    url = context["request"].build_absolute_uri(path)
    words = ["curl", "-sS"]
    if method != "GET":
        words += ["-X", method]
    line = shlex.join(words) + ' -H "Authorization: Bearer $IMADMIN_TOKEN"'
    if body is not None:
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        line += f" -H 'Content-Type: application/json' --data {shlex.quote(text)}"
    return f"{line} {shlex.quote(url)}"
