"""Runs of jobs: what ran and how it went, starting one, stopping one."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import Cursor, Limit, paged
from imadmin.api.params import SlugPath
from imadmin.api.schemas.common import OutcomesOut, Paged, ReasonIn, problems
from imadmin.api.schemas.jobs import RunOut, StartIn
from imadmin.clusters import access
from imadmin.jobs import actions, queries
from imadmin.jobs.queries import RunFilter

router = Router()

RunState = Literal["", "open", "trouble", "queued", "running", "done", "failed", "stopped", "lost", "missed"]


@router.get(
    "/jobs",
    response={200: Paged[RunOut], **problems(401, 403, 404, 422)},
    operation_id="list_runs",
    summary="Runs of jobs, newest first",
)
def list_runs(
    request: HttpRequest,
    slug: SlugPath,
    job: Annotated[str, Query(max_length=60)] = "",
    state: Annotated[RunState, Query(description="open = queued or running; trouble = failed, lost or missed")] = "",
    routine: Annotated[bool, Query(description="also routine runs that went well, when nothing else narrows")] = False,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> HttpResponse:
    """Needs `view`. Runs of the site as a whole are listed for owners only."""
    scope = access.enter(request, slug)
    page = queries.page(scope, RunFilter(job=job, state=state, routine=routine), cursor=cursor, limit=limit)
    return paged(page.rows, RunOut.of, next_cursor=page.next_cursor, as_of=page.as_of)


@router.get(
    "/jobs/{run_id}",
    response={200: RunOut, **problems(401, 403, 404)},
    operation_id="get_run",
    summary="One run of a job",
)
def get_run(request: HttpRequest, slug: SlugPath, run_id: str) -> RunOut:
    """Needs `view`."""
    return RunOut.of(queries.one(access.enter(request, slug), run_id))


@router.post(
    "/jobs",
    response={202: RunOut, **problems(401, 403, 404, 409, 422)},
    operation_id="start_job",
    summary="Run a job now",
)
def start_job(request: HttpRequest, slug: SlugPath, body: StartIn) -> Status[RunOut]:
    """Needs `manage-policies`, and an owner for a job of the site. 409 while it runs or waits; `get_run` tells more."""
    scope = access.enter(request, slug, Permission.MANAGE_POLICIES)
    row = actions.run_now(scope, body.job, params=body.params, reason=body.reason)
    return Status(202, RunOut.of(queries.view(row)))


@router.post(
    "/jobs/{run_id}/stop",
    response={200: OutcomesOut, **problems(401, 403, 404, 422)},
    operation_id="stop_run",
    summary="Stop a run",
)
def stop_run(request: HttpRequest, slug: SlugPath, run_id: str, body: ReasonIn) -> OutcomesOut:
    """Needs `manage-policies`. It ends after the piece it is at; what it did stays done."""
    scope = access.enter(request, slug, Permission.MANAGE_POLICIES)
    return OutcomesOut.of(actions.stop(scope, run_id, reason=body.reason))
