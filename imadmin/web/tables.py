"""Tables as data: columns and rows in, one string of escaped HTML out.

Made in Python rather than by templates because a page of 50 rows has 400 cells.  `cells` has what goes into them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from typing import Any, Literal

from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from imadmin.web import cells
from imadmin.web.cells import clock, esc, ident, join, link, mono, number, status, tag, when
from imadmin.web.states import State, empty

__all__ = [
    "Column", "Select", "Table", "clock", "ident", "join", "link", "mono", "number", "status", "tag", "when",
]  # fmt: skip

Kind = Literal["text", "num", "time", "id", "status", "fill", "actions"]
_KIND_CSS = {"num": "num", "time": "nw faint", "status": "nw", "actions": "a", "fill": "fill", "id": "nw", "text": ""}
_PHONE = frozenset({"", "m1", "m2", "m3"})
_HIDE = frozenset({"", "p2", "p3"})


@dataclass(frozen=True, slots=True)
class Column:
    """key: attribute or key of the row.  render(row): plain text (escaped here) or markup from `cells`.

    kind "id" is the row's name: a row header with a blue link; put exactly one.  phone: place in the two-line list of a
    narrow screen (m1 first line left, m2 first line right, m3 second line, "" not shown).  hide: p2 below 960, p3
    below 1240.  sort: value for ?sort=, makes the head a link.
    """

    key: str
    label: object
    render: Callable[[Any], object] | None = None
    kind: Kind = "text"
    phone: str = ""
    hide: str = ""
    sort: str = ""
    css: str = ""

    def __post_init__(self) -> None:
        if self.phone not in _PHONE or self.hide not in _HIDE:
            raise ValueError(f"column {self.key}: phone is m1, m2, m3 or empty, hide is p2, p3 or empty")

    def classes(self) -> str:
        marks = (_KIND_CSS[self.kind], self.phone, "mf" if self.phone in {"m1", "m2"} else "", self.hide, self.css)
        return " ".join(filter(None, (*marks, "key" if self.kind == "id" else "")))

    def value(self, row: Any) -> object:
        if self.render:
            return self.render(row)
        found = row.get(self.key) if isinstance(row, dict) else getattr(row, self.key)
        return _plain(self.kind, found)


def _plain(kind: Kind, value: Any) -> object:
    """How a bare value of this kind is written."""
    if kind == "num":
        return number(value)
    if kind == "time":
        return when(value)
    if kind == "id":
        return mono(value)
    return "" if value is None else cells.visible(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class Select:
    """Check boxes before the rows. value(row), label(row): what is sent and what it is called ("Select u1").

    name: of the field; form: id of the form they belong to.
    """

    value: Callable[[Any], object]
    label: Callable[[Any], object]
    name: str = "target"
    form: str = "selection"


@dataclass(frozen=True, slots=True)
class Table:
    """caption: for screen readers, always there.  empty: State (with the reason) or a sentence.

    sort: (key, "ascending" | "descending") in force; sort_url(value) builds the links of the heads.
    stale: paints the rows as old.  plain: the head doesn't stick (for small tables inside a panel).
    is_open(row), row_id(row): marks the row shown in the drawer; id attribute for swaps.
    """

    columns: Sequence[Column]
    rows: Iterable[Any]
    caption: object
    empty: State | str = ""
    select: Select | None = None
    sort: tuple[str, str] = ("", "")
    sort_url: Callable[[str], str] | None = None
    stale: bool = False
    plain: bool = False
    is_open: Callable[[Any], bool] | None = None
    row_id: Callable[[Any], object] | None = None
    chosen: frozenset[str] = field(default_factory=frozenset)

    def html(self) -> SafeString:
        rows = list(self.rows)
        if not rows:
            return (self.empty if isinstance(self.empty, State) else empty(self.empty or _("Nothing here"))).html()
        css = " ".join(filter(None, ("tbl", "plain" if self.plain else "", "is-stale" if self.stale else "")))
        body = "".join(map(partial(self._row, self._frames()), rows))
        return mark_safe(  # noqa: S308
            f'<table class="{css}" data-rows><caption class="vh">{esc(self.caption)}</caption>'
            f"<thead><tr>{self._head()}</tr></thead><tbody>{body}</tbody></table>"
        )

    __html__ = html

    def __len__(self) -> int:
        return len(self.rows) if isinstance(self.rows, Sequence) else len(list(self.rows))

    def _head(self) -> str:
        pieces = []
        if self.select:
            all_rows = escape(_("Select all on this page"))
            pieces.append(
                f'<th class="c" scope="col"><input type="checkbox" data-select-all aria-label="{all_rows}"></th>'
            )
        for column in self.columns:
            marks = {"num": "num", "actions": "a"}.get(column.kind, "")
            css = f"{marks} {column.hide}".strip()
            label = esc(column.label)
            text: str = f'<span class="vh">{label}</span>' if column.kind == "actions" else label
            order = ""
            if column.sort and self.sort_url:
                arrow = ""
                if column.sort == self.sort[0]:
                    order = f' aria-sort="{escape(self.sort[1])}"'
                    arrow = " " + cells.icon("arrow-down" if self.sort[1] == "descending" else "arrow-up")
                text = f'<a href="{escape(self.sort_url(column.sort))}">{text}{arrow}</a>'
            pieces.append(f'<th class="{css}" scope="col"{order}>{text}</th>')
        return "".join(pieces)

    def _frames(self) -> list[tuple[str, str, Column]]:
        """What stands before and after each cell, made once for all rows."""
        frames = []
        for column in self.columns:
            element, scope = ("th", ' scope="row"') if column.kind == "id" else ("td", "")
            inner = ("<p>", "</p>") if column.kind == "fill" else ("", "")
            frames.append(
                (f'<{element}{scope} class="{escape(column.classes())}">{inner[0]}', f"{inner[1]}</{element}>", column)
            )
        return frames

    def _row(self, frames: list[tuple[str, str, Column]], row: Any) -> str:
        marks = ""
        if self.row_id:
            marks += f' id="{escape(str(self.row_id(row)))}"'
        if self.is_open and self.is_open(row):
            marks += ' class="is-open"'
        box = ""
        if self.select:
            value = str(self.select.value(row))
            checked = ""
            if value in self.chosen:
                checked, marks = " checked", marks + ' aria-selected="true"'
            box = (
                f'<td class="c"><label><input type="checkbox" name="{escape(self.select.name)}" value="{escape(value)}"'
                f' form="{escape(self.select.form)}" data-select{checked}'
                f' aria-label="{escape(str(self.select.label(row)))}"></label></td>'
            )
        body = "".join([f"{start}{esc(column.value(row))}{end}" for start, end, column in frames])
        return f"<tr{marks}>{box}{body}</tr>"
