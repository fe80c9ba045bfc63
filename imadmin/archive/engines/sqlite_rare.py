"""Candidates of a query that asks for a rare word and for a mark that many messages carry, as a big channel's do.

FTS5 walks through both: that costs as much as the channel has messages.  A gram that few messages hold is read alone
instead, and the few are asked for their marks.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence

from imadmin.archive.cover import AllOf, AnyOf, Cover, Token, Without, Word
from imadmin.archive.engines.shared import KINDS
from imadmin.archive.engines.sqlite_rows import JOINS, channel_of, traits_of
from imadmin.archive.grams import CAPPED, tokens

FEW = 200  # messages that hold a gram; more of them are walked through
ASKED = 4  # grams that are tried: each costs as much as `FEW` messages, however many hold it
_HOLDERS = "SELECT rowid FROM g WHERE g MATCH ? AND rowid < ? AND rowid > ? ORDER BY rowid DESC LIMIT ?"
_MARKS = f"""SELECT m.rid, c.type, c.cid, s.uid, m.kind, m.traits, m.client FROM msg m {JOINS} WHERE m.rid IN """  # noqa: S608


def few(
    db: sqlite3.Connection, cover: Cover, below: int, above: int, *, quoted: Callable[[str], str]
) -> list[int] | None:
    """rids of all messages between the two that may fit, newest first; None = no gram of it is known to be rare."""
    if not _has_marks(cover):
        return None
    for gram in list(dict.fromkeys(_grams(cover)))[:ASKED]:
        asked = f"{quoted(gram)} OR {quoted(CAPPED.text)}"
        rids = [row[0] for row in db.execute(_HOLDERS, (asked, below, above, FEW + 1))]
        if len(rids) <= FEW:
            return _fitting(db, cover, rids)
    return None


def _fitting(db: sqlite3.Connection, cover: Cover, rids: list[int]) -> list[int]:
    rows = db.execute(f"{_MARKS} ({','.join('?' * len(rids))})", rids)
    fit = {
        rid
        for rid, channel_type, cid, uid, kind, bits, client in rows
        if _fits(cover, tokens(channel_of(cid, channel_type), uid, KINDS[kind], traits_of[bits], client))
    }
    return [rid for rid in rids if rid in fit]


def _has_marks(cover: Cover) -> bool:
    if isinstance(cover, AllOf):
        return any(map(_has_marks, cover.parts))
    return not isinstance(cover, Word)


def _grams(cover: Cover) -> Iterator[str]:
    """Those that a message must hold."""
    match cover:
        case Word(grams=grams):
            yield from grams
        case AllOf(parts):
            for part in parts:
                yield from _grams(part)
        case Without(part, _):
            yield from _grams(part)


def _fits(cover: Cover, marks: Sequence[str]) -> bool:
    """As far as its marks tell: what it says is looked at later."""
    match cover:
        case Token(text):
            return text in marks
        case AllOf(parts):
            return all(_fits(part, marks) for part in parts)
        case AnyOf(parts):
            return any(_fits(part, marks) for part in parts)
        case Without(part, without):
            return _fits(part, marks) and not any(token.text in marks for token in without)
    return True
