"""The audit trail."""

from datetime import datetime
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import AwareDatetime

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import Cursor, Limit, paged
from imadmin.api.schemas.audit import AuditOut
from imadmin.api.schemas.common import Paged, problems
from imadmin.audit import queries
from imadmin.clusters import access
from imadmin.core.errors import InvalidInput, NotFound, gettext_noop

router = Router()
Text = Annotated[str, Query(max_length=1000)]
FIRST_YEAR, LAST_YEAR = 1971, 9998


@router.get(
    "/audit",
    response={200: Paged[AuditOut], **problems(401, 403, 422)},
    operation_id="list_audit",
    summary="The audit trail, newest first",
)
def list_audit(
    request: HttpRequest,
    cluster: Text = "",
    actor: Text = "",
    action: Text = "",
    target_kind: Text = "",
    target: Text = "",
    outcome: Text = "",
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> HttpResponse:
    """Needs `view-audit`: the trail of the clusters it is held on, for owners all of it.

    Filters compare whole values. `since` is inclusive, `until` isn't; both carry a zone.
    """
    access.enter_site(request, Permission.VIEW_AUDIT)
    if outcome and outcome not in queries.OUTCOMES:
        raise InvalidInput(
            {"outcome": [gettext_noop("Choose one of %(choices)s.")]}, params={"choices": ", ".join(queries.OUTCOMES)}
        )
    wanted = queries.AuditFilter(
        clusters=access.audited_clusters(request),
        cluster=cluster,
        actor=actor,
        action=action,
        target_kind=target_kind,
        target=target,
        outcome=outcome,
        since=_sane("since", since),
        until=_sane("until", until),
    )
    page = queries.page(wanted, cursor=cursor, limit=limit)
    return paged(page.rows, AuditOut.of, next_cursor=page.next_cursor)


@router.get(
    "/audit/{int:entry_id}",
    response={200: AuditOut, **problems(401, 403, 404)},
    operation_id="get_audit_row",
    summary="One row of the audit trail",
)
def get_audit_row(request: HttpRequest, entry_id: int) -> AuditOut:
    """Needs `view-audit` on the row's cluster."""
    access.enter_site(request, Permission.VIEW_AUDIT)
    wanted = queries.AuditFilter(clusters=access.audited_clusters(request))
    row = queries.entry(wanted, entry_id) if entry_id < 2**63 else None
    if row is None:
        raise NotFound(gettext_noop("There is no such row, or it is about a cluster whose trail you may not read."))
    return AuditOut.of(row)


def _sane(field: str, moment: datetime | None) -> datetime | None:
    """Years at the rim of the calendar can't be turned into another zone."""
    if moment and not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise InvalidInput({field: [gettext_noop("Choose a time between 1971 and 9998.")]})
    return moment
