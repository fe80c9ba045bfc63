"""What the archive is measured against: one plain table with the same columns, its text beside, two b-trees, and LIKE."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imadmin.archive.rows import Incoming
from imadmin.gateway import payload

_LAYOUT = """
CREATE TABLE chan (id INTEGER PRIMARY KEY, type INTEGER, cid TEXT, UNIQUE (type, cid));
CREATE TABLE sender (id INTEGER PRIMARY KEY, uid TEXT UNIQUE);
CREATE TABLE msg (id INTEGER PRIMARY KEY, seq INTEGER, chan INTEGER, sender INTEGER, kind INTEGER, at INTEGER,
    traits INTEGER, expire INTEGER, client TEXT, topic TEXT, said TEXT, payload BLOB, text TEXT);
CREATE INDEX msg_chan ON msg (chan, id);
CREATE INDEX msg_sender ON msg (sender, id);
"""
_ROWS = """SELECT m.id, m.seq, c.type, c.cid, s.uid, m.at, m.kind, m.traits, m.payload, m.client, m.expire, m.topic,
    m.said, m.text FROM msg m CROSS JOIN chan c ON c.id = m.chan CROSS JOIN sender s ON s.id = m.sender"""


class PlainTable:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=NORMAL")
        self.db.execute("PRAGMA cache_size=-16000")
        self.db.execute("PRAGMA mmap_size=4294967296")
        self.db.executescript(_LAYOUT)
        self._channels: dict[Any, int] = {}
        self._senders: dict[str, int] = {}

    def insert(self, batch: Sequence[Incoming]) -> None:
        """One transaction; ids that are there are left alone."""
        self.db.execute("BEGIN IMMEDIATE")
        self.db.executemany(
            "INSERT OR IGNORE INTO msg VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (one.id, one.seq, self._channel(one), self._sender(one), 1, one.sent_at, 0, one.expire, one.client_msg_no,
                 one.topic, one.said, one.payload, payload.decode(one.payload).text)
                for one in batch
            ],
        )  # fmt: skip
        self.db.execute("COMMIT")

    def like(
        self, *texts: str, chan: int | None = None, sender: int | None = None, below: int | None = None, first: int = 0
    ) -> list[Any]:
        """The newest fifty."""
        wheres, values = self._wheres(texts)
        for column, value in (("m.chan = ?", chan), ("m.sender = ?", sender), ("m.id < ?", below)):
            if value is not None:
                wheres.append(column)
                values.append(value)
        if first:
            wheres.append("m.at >= ?")
            values.append(first)
        sql = f"{_ROWS} WHERE {' AND '.join(wheres)} ORDER BY m.id DESC LIMIT 50"
        return self.db.execute(sql, values).fetchall()

    def count(self, text: str, most: int) -> int:
        sql = "SELECT count(*) FROM (SELECT 1 FROM msg WHERE text LIKE ? LIMIT ?)"
        return int(self.db.execute(sql, (f"%{text}%", most)).fetchone()[0])

    def all_ids(self, *texts: str) -> list[int]:
        wheres, values = self._wheres(texts)
        sql = f"SELECT m.id FROM msg m WHERE {' AND '.join(wheres)} ORDER BY m.id DESC"
        return [row[0] for row in self.db.execute(sql, values)]

    def number_of(self, table: str, name: str) -> int:
        column = "cid" if table == "chan" else "uid"
        return int(self.db.execute(f"SELECT id FROM {table} WHERE {column} = ?", (name,)).fetchone()[0])

    def bytes(self) -> int:
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.path.stat().st_size

    def bytes_of_text(self) -> int:
        return int(self.db.execute("SELECT sum(length(cast(text AS BLOB))) FROM msg").fetchone()[0])

    def _wheres(self, texts: Sequence[str]) -> tuple[list[str], list[Any]]:
        return ["m.text LIKE ?" for _ in texts] or ["1"], [f"%{text}%" for text in texts]

    def _channel(self, one: Incoming) -> int:
        found = self._channels.get(one.channel)
        if found is None:
            sql = "INSERT INTO chan (type, cid) VALUES (?, ?)"
            found = self._channels[one.channel] = (
                self.db.execute(sql, (one.channel.type, one.channel.id)).lastrowid or 0
            )
        return found

    def _sender(self, one: Incoming) -> int:
        found = self._senders.get(one.from_uid)
        if found is None:
            sql = "INSERT INTO sender (uid) VALUES (?)"
            found = self._senders[one.from_uid] = self.db.execute(sql, (one.from_uid,)).lastrowid or 0
        return found
