"""Lists in the API's one shape: items, the next cursor, which nodes are missing, and when it was read."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from django.http import HttpResponse
from django.utils.translation import gettext
from ninja import Query

from imadmin.api.schemas.common import Paged, PartialOut
from imadmin.gateway.types import NodeFailure, Page

Item = TypeVar("Item")

# Query parameters that every list takes.
Cursor = Annotated[str, Query(description="next_cursor of the page before; empty for the first page", max_length=2000)]
Limit = Annotated[int, Query(ge=1, le=200, description="how many items at most, 1 to 200")]


def paged(
    items: Iterable[Item],
    to_schema: Callable[[Item], Any],
    *,
    next_cursor: str = "",
    failed: Iterable[NodeFailure] = (),
    as_of: datetime | None = None,
    limits: Iterable[str] = (),
) -> HttpResponse:
    """The reply for a list.  as_of: when it was read, now when left out (our own rows).

    Written out here: the items are models already, and looking at each of them again would cost as much as the list.
    """
    body = Paged[Any].model_construct(
        items=[to_schema(item) for item in items],
        next_cursor=next_cursor,
        partial=partial(failed),
        as_of=as_of or datetime.now(UTC),
        limits=list(limits),
    )
    return HttpResponse(body.model_dump_json(), content_type="application/json; charset=utf-8")


def paged_from(page: Page[Item], to_schema: Callable[[Item], Any]) -> HttpResponse:
    """The reply for a page that the gateway gave."""
    return paged(
        page.items,
        to_schema,
        next_cursor=page.next_cursor,
        failed=page.failed,
        as_of=page.as_of,
        limits=page.limits,
    )


def partial(failed: Iterable[NodeFailure]) -> list[PartialOut]:
    return [PartialOut(node=each.node, reason=gettext(each.reason), code=each.code) for each in failed]
