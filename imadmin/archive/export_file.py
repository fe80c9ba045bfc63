"""What an export's file looks like, line by line: CSV for spreadsheets, JSONL for programs."""

import csv
import io
import json
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from imadmin.archive.masking import ShownMessage
from imadmin.archive.rows import Trait
from imadmin.core.spreadsheet import guarded

COLUMNS = (
    "time", "message_id", "channel_type", "channel", "sender", "kind", "seq", "client_msg_no", "traits", "text",
    "masked",
)  # fmt: skip
EXACT_DIGITS = 15  # spreadsheets round longer numbers
# JSON takes these as they are, but many readers end a line at them.
_LINE_ENDS = {"\u2028": "\\u2028", "\u2029": "\\u2029", "\x85": "\\u0085"}


class Writer(Protocol):
    """Every method gives the bytes of one or more whole lines."""

    def head(self) -> bytes: ...

    def line(self, message: ShownMessage) -> bytes: ...

    def cut(self, rows: int) -> bytes:
        """The last line of a file that ends after so many rows though there are more; a word of no language."""
        ...


class CsvWriter:
    """Formulas are disarmed, long numbers stay text, NUL (at which readers stop) becomes its picture."""

    def __init__(self, zone: ZoneInfo, *, has_bom: bool) -> None:
        self._zone, self._has_bom = zone, has_bom

    def head(self) -> bytes:
        return (b"\xef\xbb\xbf" if self._has_bom else b"") + self._row(*COLUMNS)

    def line(self, message: ShownMessage) -> bytes:
        return self._row(
            local(message.sent_at, self._zone),
            _exact(message.id),
            int(message.channel.type),
            message.channel.id,
            message.from_uid,
            message.kind.value,
            _exact(message.seq),
            message.client_msg_no,
            " ".join(traits(message)),
            "" if message.text is None else message.text,
            "yes" if message.is_masked else "no",
        )

    def cut(self, rows: int) -> bytes:
        return self._row(f"# cut=true rows={rows}")

    def _row(self, *cells: object) -> bytes:
        line = io.StringIO()
        csv.writer(line).writerow([guarded(_plain(cell)) for cell in cells])
        return line.getvalue().encode("utf-8", "backslashreplace")


class JsonlWriter:
    """One JSON object a line, with the names of the API; 64-bit numbers are strings."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def head(self) -> bytes:
        return b""

    def line(self, message: ShownMessage) -> bytes:
        return _json(
            {
                "message_id": str(message.id),
                "channel": {"type": int(message.channel.type), "id": message.channel.id},
                "seq": str(message.seq),
                "from_uid": message.from_uid,
                "client_msg_no": message.client_msg_no,
                "sent_at": local(message.sent_at, self._zone),
                "kind": message.kind.value,
                "type": message.type_number,
                "traits": traits(message),
                "size": message.size,
                "length": message.length,
                "expire": message.expire,
                "topic": message.topic,
                "masked": message.is_masked,
                "text": message.text,
            }
        )

    def cut(self, rows: int) -> bytes:
        return _json({"cut": True, "rows": rows})


def traits(message: ShownMessage) -> list[str]:
    words = [str(trait.name).lower() for trait in Trait if trait in message.traits]
    return [*words, "expired"] if message.is_expired else words


def local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(zone).isoformat(timespec="seconds")


def _exact(number: int) -> object:
    """Text where a spreadsheet would lose digits; the apostrophe is how it knows."""
    return number if len(str(number)) <= EXACT_DIGITS else f"'{number}"


def _plain(cell: object) -> object:
    return cell.replace("\x00", "\N{SYMBOL FOR NULL}") if isinstance(cell, str) else cell


def _json(values: dict[str, object]) -> bytes:
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    for sign, escape in _LINE_ENDS.items():
        text = text.replace(sign, escape)
    try:
        return f"{text}\n".encode()
    except UnicodeEncodeError:  # half of a surrogate pair is no text in any encoding; its escape is
        return f"{json.dumps(values, separators=(',', ':'))}\n".encode()
