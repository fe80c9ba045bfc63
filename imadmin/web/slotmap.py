"""The slot map: up to 1024 slots as one picture of a few paths, a path a shade or shape instead of an element a slot.

Pointer and arrow keys compute the slot from the place (static/js/slotmap.js), by the measures given on the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString

from imadmin.web import cells

SIZE, PITCH = 14, 17
LEFT, TOP = 30, 14  # room for the numbers of rows and columns
Layer = tuple[str, Callable[[int, int], str]]


def _square(x: int, y: int) -> str:
    return f"M{x} {y}h14v14h-14z"


def _outline(x: int, y: int) -> str:
    return f"M{x}.5 {y}.5h13v13h-13z"


def _half(x: int, y: int) -> str:
    return f"M{x} {y + 7}h14v7h-14z"


def _cross(x: int, y: int) -> str:
    return f"M{x + 4} {y + 4}l6 6m0-6l-6 6"


def _bar(x: int, y: int) -> str:
    return f"M{x + 3} {y + 7}h8"


def _triangle(x: int, y: int) -> str:
    return f"M{x + 7} {y}.5l7.5 13.5h-15z"


def _diamond(x: int, y: int) -> str:
    return f"M{x + 7} {y - 1}l8 8-8 8-8-8z"


def _corner(x: int, y: int) -> str:
    return f"M{x + 14} {y}v6l-6-6z"


def _cursor(x: int, y: int) -> str:
    return f"M{x - 2} {y - 2}h18v18h-18z"


# What a shape is made of: (class in app.css, outline).  Told apart without colour.
SHAPES: dict[str, tuple[Layer, ...]] = {
    "none": (("none", _square), ("x", _cross)),
    "noq": (("none", _square), ("x", _bar)),
    "elect": (("elect", _triangle),),
    "move": (("move", _diamond),),
    "behind": (("base", _outline), ("behind", _half)),
    "unknown": (("unknown", _outline),),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """shape: one of SHAPES, "" for a plain square of `shade`.  is_thin: a corner says that copies are missing."""

    id: int
    shade: str = "quiet"
    shape: str = ""
    is_thin: bool = False


def columns_for(count: int) -> int:
    """As wide as it is high, in columns that one can count by."""
    return 32 if count > 256 else 16 if count > 32 else 8


def picture(
    cells_: Sequence[Cell], say: str, *, chosen: int | None = None, columns: int = 0, numbered: bool = True
) -> SafeString:
    """The SVG.  cells_: by id, from 0 on.  say: what it shows, in words, for who doesn't see it."""
    columns = columns or columns_for(len(cells_))
    left, top = (LEFT, TOP) if numbered else (0, 0)
    rows = -(-len(cells_) // columns)
    layers = _layers(cells_, columns, left, top)
    if chosen is not None and 0 <= chosen < len(cells_):
        layers["cur"] = [_cursor(*_place(chosen, columns, left, top))]
    width, height = left + columns * PITCH + 1, top + rows * PITCH + 1
    return cells.html(
        '<svg class="slotmap{few}" viewBox="-2 -2 {width} {height}" role="img" aria-label="{say}"'
        ' data-columns="{columns}" data-count="{count}" data-left="{left}" data-top="{top}" data-pitch="{pitch}">'
        "{numbers}{paths}</svg>",
        few=" few" if columns < 32 else "", width=width, height=height, say=say, columns=columns,
        count=len(cells_), left=left, top=top, pitch=PITCH,
        numbers=cells.join(_numbers(columns, rows, left, top)) if numbered else "",
        paths=cells.join(
            cells.html('<path class="{css}" d="{d}"/>', css=css, d="".join(parts)) for css, parts in layers.items()
        ),
    )  # fmt: skip


def legend(shape: str = "", shade: str = "quiet", *, thin: bool = False) -> SafeString:
    """One cell by itself, for the words beside it."""
    found = _layers([Cell(0, shade, shape, thin)], 1, 1, 1)
    return cells.html(
        '<svg class="slotmap" viewBox="0 0 16 16" aria-hidden="true">{paths}</svg>',
        paths=cells.join(
            cells.html('<path class="{css}" d="{d}"/>', css=css, d="".join(parts)) for css, parts in found.items()
        ),
    )


def _layers(cells_: Iterable[Cell], columns: int, left: int, top: int) -> dict[str, list[str]]:
    """Outlines by class, in the order in which they are drawn."""
    found: dict[str, list[str]] = {}
    for cell in cells_:
        x, y = _place(cell.id, columns, left, top)
        for css, outline in SHAPES.get(cell.shape, ((cell.shade, _square),)):
            found.setdefault(css, []).append(outline(x, y))
        if cell.is_thin and not cell.shape:
            found.setdefault("thin", []).append(_corner(x, y))
    above = ("thin", "base", "behind", "none", "x")
    return {css: found[css] for css in sorted(found, key=lambda css: above.index(css) + 1 if css in above else 0)}


def _place(slot: int, columns: int, left: int, top: int) -> tuple[int, int]:
    row, column = divmod(slot, columns)
    return left + column * PITCH, top + row * PITCH


def _numbers(columns: int, rows: int, left: int, top: int) -> Iterable[SafeString]:
    """The first slot of every fourth row, and every fourth column."""
    for row in range(0, rows, 4 if rows > 8 else 1):
        yield cells.html(
            '<text x="{x}" y="{y}" text-anchor="end">{text}</text>', x=left - 6, y=top + row * PITCH + 10,
            text=row * columns,
        )  # fmt: skip
    for column in range(0, columns, 4):
        yield cells.html(
            '<text x="{x}" y="{y}" text-anchor="middle">+{text}</text>', x=left + column * PITCH + 7, y=8, text=column
        )
