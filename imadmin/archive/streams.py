"""Texts of stream messages: they come in events that no webhook tells, so they are read until they are complete."""

import time
from collections.abc import Sequence

from imadmin.archive.engines.base import RID_MAX, RID_SHIFT, Engine
from imadmin.archive.grams import trait_token
from imadmin.archive.reading import pace_of
from imadmin.archive.rows import NO_TRAIT, Revision, Stored, Trait
from imadmin.archive.stores import engine_of
from imadmin.clusters.access import Scope
from imadmin.core.aio import run
from imadmin.gateway.errors import GatewayError
from imadmin.gateway.pacing import paced
from imadmin.gateway.types import Message

YOUNG_SECONDS = 3600  # a stream that is still open then stays marked as unfinished
MOST = 20  # read in one go; each costs two calls
NEWEST = 10  # of those, the newest ones each time; the others take turns, as many are never closed
LOOKED_AT = 200
FAILED_MOST = 3
REACHED = "streams.reached"  # the note of how far down the turns have come


def unfinished(engine: Engine, *, at: float | None = None, below: int = RID_MAX, most: int = MOST) -> list[Stored]:
    """Streams that began within the hour and were still open when they were last read, newest first."""
    since = int(at or time.time()) - YOUNG_SECONDS
    found = engine.scan(trait_token(Trait.UNFINISHED), below=below, above=since << RID_SHIFT, most=LOOKED_AT)
    return [one for one in found if Trait.UNFINISHED in one.traits and one.seq][:most]


def refresh(scope: Scope) -> int:
    """Read those again.  Returns how many changed.  Raises GatewayError, StoreUnavailable."""
    engine = engine_of(scope.cluster.pk)
    revisions = _revisions(scope, _turn(engine))
    return engine.revise(revisions) if revisions else 0


def _turn(engine: Engine) -> list[Stored]:
    """The newest ones, and those whose turn it is among the others."""
    newest = unfinished(engine, most=NEWEST)
    if len(newest) < NEWEST:
        return newest
    last, reached = newest[-1].rid, engine.note(REACHED)
    others = unfinished(engine, below=min(int(reached or RID_MAX), last), most=MOST - NEWEST)
    if not others and reached:
        others = unfinished(engine, below=last, most=MOST - NEWEST)
    engine.note(REACHED, str(others[-1].rid) if others else "")
    return [*others, *newest]


def _revisions(scope: Scope, waiting: Sequence[Stored]) -> list[Revision]:
    """What has changed; one that can't be read now is left for its next turn."""
    revisions: list[Revision] = []
    failed: list[GatewayError] = []
    for one in waiting:
        try:
            now = run(_ask(scope, one))
        except GatewayError as error:
            failed.append(error)
            if len(failed) == FAILED_MOST:
                break
            continue
        revision = _revision(one, now) if now else None
        revisions += [revision] if revision else []
    if failed and not revisions:
        raise failed[-1]
    return revisions


async def _ask(scope: Scope, one: Stored) -> Message | None:
    with paced(pace_of(scope.cluster.pk)):
        page = await scope.gateway.messages_around(one.channel, one.seq, before=0, after=0)
    return next((message for message in page if message.id == one.id), None)


def _revision(one: Stored, now: Message) -> Revision | None:
    """An edit says more than the stream does."""
    if now.stream is None:
        return None
    said = None if Trait.EDITED in one.traits or now.stream.text == one.said else now.stream.text
    clear = NO_TRAIT if now.stream.is_open else Trait.UNFINISHED
    return Revision(one.id, clear=clear, said=said) if said is not None or clear else None
