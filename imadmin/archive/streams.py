"""Texts of stream messages: they come in events that no webhook tells, so they are read until they are complete."""

import time

from imadmin.archive.engines.base import RID_SHIFT, Engine
from imadmin.archive.grams import trait_token
from imadmin.archive.rows import NO_TRAIT, Revision, Stored, Trait
from imadmin.archive.stores import engine_of
from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.gateway.types import Message

YOUNG_SECONDS = 3600  # a stream that is still open then stays marked as unfinished
MOST = 20  # read in one go; each costs two calls
LOOKED_AT = 200


def unfinished(engine: Engine, *, at: float | None = None, most: int = MOST) -> list[Stored]:
    """Streams that began within the hour and were still open when they were last read, oldest first."""
    since = int(at or time.time()) - YOUNG_SECONDS
    found = engine.scan(trait_token(Trait.UNFINISHED), above=since << RID_SHIFT, most=LOOKED_AT)
    return [one for one in reversed(found) if Trait.UNFINISHED in one.traits and one.seq][:most]


def refresh(scope: Scope) -> int:
    """Read those again.  Returns how many changed.  Raises GatewayError, StoreUnavailable."""
    engine = engine_of(scope.cluster.pk)
    revisions = []
    for one in unfinished(engine):
        page = run(scope.gateway.messages_around(one.channel, one.seq, before=0, after=0))
        now = next((message for message in page if message.id == one.id), None)
        revision = _revision(one, now) if now else None
        revisions += [revision] if revision else []
    return engine.revise(revisions) if revisions else 0


def _revision(one: Stored, now: Message) -> Revision | None:
    """An edit says more than the stream does."""
    if now.stream is None:
        return None
    said = None if Trait.EDITED in one.traits or now.stream.text == one.said else now.stream.text
    clear = NO_TRAIT if now.stream.is_open else Trait.UNFINISHED
    return Revision(one.id, clear=clear, said=said) if said is not None or clear else None
