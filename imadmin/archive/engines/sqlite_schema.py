"""The tables of one archive in SQLite.  A change of these needs a new SCHEMA_VERSION and a way from the old one."""

from imadmin.archive.norm import NORM_VERSION

SCHEMA_VERSION = 1


def index_ddl(name: str) -> str:
    """The index proper: row numbers by gram and token; no text, no positions, no sizes."""
    return (
        f"CREATE VIRTUAL TABLE {name} USING fts5(t, content='', columnsize=0, detail=none, "
        "tokenize=\"ascii tokenchars '_'\")"
    )


# held, gone: how many sequence numbers the spans of either kind cover (they never overlap); top: the greatest of them.
SCHEMA = (
    """CREATE TABLE chan (id INTEGER PRIMARY KEY, type INTEGER NOT NULL, cid TEXT NOT NULL, leader INTEGER,
       server_seq INTEGER, seen_at INTEGER, count INTEGER NOT NULL DEFAULT 0, first_at INTEGER, last_at INTEGER,
       held INTEGER NOT NULL DEFAULT 0, gone INTEGER NOT NULL DEFAULT 0, top INTEGER NOT NULL DEFAULT 0,
       UNIQUE (type, cid))""",
    """CREATE INDEX chan_behind ON chan (last_at, id) WHERE max(coalesce(server_seq, 0), top) > held + gone""",
    """CREATE TABLE sender (id INTEGER PRIMARY KEY, uid TEXT NOT NULL UNIQUE)""",
    """CREATE TABLE msg (rid INTEGER PRIMARY KEY, mid INTEGER NOT NULL UNIQUE, seq INTEGER NOT NULL,
       chan INTEGER NOT NULL, sender INTEGER NOT NULL, kind INTEGER NOT NULL, at INTEGER NOT NULL,
       traits INTEGER NOT NULL, expire INTEGER NOT NULL, client TEXT NOT NULL, topic TEXT NOT NULL, said TEXT,
       payload BLOB NOT NULL)""",
    """CREATE INDEX msg_chan ON msg (chan, seq)""",
    """CREATE TABLE span (chan INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
       PRIMARY KEY (chan, first)) WITHOUT ROWID""",
    """CREATE TABLE gone (chan INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
       PRIMARY KEY (chan, first)) WITHOUT ROWID""",
    """CREATE TABLE broken (number INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, event TEXT NOT NULL,
       why TEXT NOT NULL, raw BLOB NOT NULL)""",
    """CREATE TABLE note (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID""",
    index_ddl("g"),
    "INSERT INTO g(g, rank) VALUES ('automerge', 8)",
    f"INSERT INTO note (name, value) VALUES ('norm_version', '{NORM_VERSION}')",  # noqa: S608
)
