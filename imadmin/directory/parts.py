"""Questions of which each may fail by itself: what is known, when it was read, and why the rest is missing."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.utils.translation import gettext

from imadmin.core.aio import run
from imadmin.core.errors import AppError, InvalidInput
from imadmin.gateway.types import Answer, NodeFailure, now

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """error: set when nobody answered; then `value` means nothing.  failed: nodes missing from the value."""

    value: T
    as_of: datetime
    error: AppError | None = None
    failed: tuple[NodeFailure, ...] = ()
    nodes: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        return self.error is None

    @property
    def is_complete(self) -> bool:
        """Nothing is missing: what isn't in it isn't there."""
        return self.error is None and not self.failed

    def lacks(self, node_id: int) -> bool:
        """Whether this node's share is unknown."""
        return self.error is not None or str(node_id) in {failure.node for failure in self.failed}


async def part(question: Coroutine[Any, Any, T], empty: T) -> Part[T]:
    """Ask, and keep a refusal as part of the answer."""
    try:
        return Part(await question, now())
    except AppError as error:
        return Part(empty, now(), error)


async def part_of_nodes(question: Coroutine[Any, Any, Answer[T]], empty: T) -> Part[T]:
    """The same for an answer put together from several nodes."""
    try:
        answer = await question
    except AppError as error:
        return Part(empty, now(), error)
    return Part(answer.value, answer.as_of, None, answer.failed, answer.nodes)


def attempt(change: Coroutine[Any, Any, None]) -> AppError | None:
    """Send a change; what went wrong, or None for a 200 that proves nothing yet."""
    try:
        run(change)
    except AppError as error:
        return error
    return None


async def both(one: Coroutine[Any, Any, Any], other: Coroutine[Any, Any, Any]) -> tuple[Any, Any]:
    """Two questions at once."""
    first, second = await asyncio.gather(one, other)
    return first, second


def sentence(error: AppError) -> str:
    """What went wrong, in the reader's language; of refused input the first complaint, which says more."""
    if isinstance(error, InvalidInput) and error.fields:
        first = gettext(next(iter(error.fields.values()))[0])
        return first % error.params if error.params else first
    node = getattr(error, "node", "")
    text = error.text(gettext)
    return f"{text} ({gettext('node')} {node})" if node else text
