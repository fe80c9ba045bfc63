"""A payload laid open for a person who may read it: decoded, as text, as base64, in hex; each cut at a sane size."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from imadmin.archive.harmless import harmless
from imadmin.archive.masking import ShownMessage
from imadmin.gateway.types import ContentKind

CUT = 16 * 1024  # bytes shown at first
MOST = 1024 * 1024  # bytes shown when all is asked for
HEX_MOST = 64 * 1024  # hex is four times as long as what it shows
_HEX_ROW = 16


class PayloadForm(StrEnum):
    DECODED = "decoded"
    TEXT = "text"
    BASE64 = "base64"
    HEX = "hex"


@dataclass(frozen=True, slots=True)
class PayloadView:
    """shown: how many bytes of the payload it covers.  is_open: the one to look at first."""

    form: PayloadForm
    text: str
    shown: int
    is_cut: bool
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class PayloadPanel:
    """can_show_all: something is cut now that asking for all would show."""

    size: int
    views: tuple[PayloadView, ...]
    shows_all: bool

    @property
    def is_cut(self) -> bool:
        return any(view.is_cut for view in self.views)

    @property
    def can_show_all(self) -> bool:
        return not self.shows_all and self.size > CUT


def panel(message: ShownMessage, *, show_all: bool = False) -> PayloadPanel | None:
    """None for a masked message.  Broken payloads open with hex, all others with their decoded fields."""
    if message.payload is None:
        return None
    most = MOST if show_all else CUT
    views = tuple(_views(message, message.payload, most))
    first = PayloadForm.HEX if message.kind is ContentKind.BROKEN else views[0].form
    return PayloadPanel(
        size=len(message.payload),
        views=tuple(
            PayloadView(view.form, view.text, view.shown, view.is_cut, is_open=view.form is first) for view in views
        ),
        shows_all=show_all,
    )


def _views(message: ShownMessage, payload: bytes, most: int) -> Iterator[PayloadView]:
    if message.fields and (pretty := _pretty(message)) is not None:
        yield PayloadView(PayloadForm.DECODED, harmless(pretty[:most]), min(len(payload), most), len(pretty) > most)
    start = payload[:most]
    is_cut = len(payload) > most
    yield PayloadView(PayloadForm.TEXT, harmless(start.decode("utf-8", "replace")), len(start), is_cut)
    yield PayloadView(PayloadForm.BASE64, base64.b64encode(start).decode(), len(start), is_cut)
    start = payload[: min(most, HEX_MOST)]
    yield PayloadView(PayloadForm.HEX, hex_dump(start), len(start), len(payload) > len(start))


def _pretty(message: ShownMessage) -> str | None:
    try:
        return json.dumps(message.fields, ensure_ascii=False, indent=2, default=str)
    except (RecursionError, ValueError, TypeError):
        return None


def hex_dump(data: bytes) -> str:
    """Offset, sixteen bytes, and what of them is printable ASCII."""
    lines = []
    for offset in range(0, len(data), _HEX_ROW):
        row = data[offset : offset + _HEX_ROW]
        printable = "".join(chr(byte) if 0x20 <= byte < 0x7F else "·" for byte in row)
        lines.append(f"{offset:06x}  {row.hex(' '):<47}  {printable}")
    return "\n".join(lines)
