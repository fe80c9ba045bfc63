"""People of a cluster: what is known of them, ending their connections, keeping them out, explaining why not."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from imadmin.accounts.permissions import Permission
from imadmin.api.paging import Cursor, Limit, paged
from imadmin.api.params import IdPath, SlugPath
from imadmin.api.schemas.common import Paged, ReasonIn, RestrictIn, problems
from imadmin.api.schemas.users import (
    ConversationOut,
    DeviceOut,
    KickIn,
    LookupOut,
    MaySendOut,
    ReportOut,
    RestrictionOut,
    SessionOut,
    UserOut,
)  # fmt: skip
from imadmin.clusters import access
from imadmin.core.errors import InvalidInput
from imadmin.directory.actions import restrictions, sessions
from imadmin.directory.queries import sending
from imadmin.directory.queries import users as queries
from imadmin.directory.uids import complaints, read_uids
from imadmin.gateway.types import ChannelRef

router = Router()

UidList = Annotated[list[str], Query(description="uids to look up, at most 200; repeat the parameter")]
READ = problems(401, 403, 404, 422, 502, 504)
CHANGED = problems(401, 403, 404, 409, 422, 502, 503, 504)


@router.get(
    "/users",
    response={200: Paged[LookupOut], **READ},
    operation_id="look_up_users",
    summary="Who of these is online",
)
def look_up_users(request: HttpRequest, slug: SlugPath, uid: UidList) -> HttpResponse:
    """Needs `view`. The server can't list who exists: name the uids. `online` is null where it isn't known."""
    scope = access.enter(request, slug)
    if (bad := read_uids(uid)).bad:
        raise InvalidInput({"uid": complaints(bad)})
    found = queries.look_up(scope, uid)
    if found.online.error:
        raise found.online.error
    return paged(found.rows, LookupOut.of, failed=found.online.failed, as_of=found.online.as_of)


@router.get(
    "/users/{pathid:uid}",
    response={200: UserOut, **READ},
    operation_id="get_user",
    summary="All that is known of a user",
)
def get_user(request: HttpRequest, slug: SlugPath, uid: IdPath) -> UserOut:
    """Needs `view`. An unknown uid is no error: the server keeps rows only for uids that got a token.

    Parts that could not be read are null and named in `missing`; nodes that didn't answer in `partial`.
    """
    return UserOut.of(queries.user(access.enter(request, slug), uid))


@router.get(
    "/users/{pathid:uid}/devices",
    response={200: Paged[DeviceOut], **READ},
    operation_id="list_user_devices",
    summary="Devices of a user",
)
def list_user_devices(request: HttpRequest, slug: SlugPath, uid: IdPath) -> HttpResponse:
    """Needs `view`. Whether a token is stored, never the token. Empty for uids that never got one."""
    return paged(queries.devices(access.enter(request, slug), uid), DeviceOut.of)


@router.get(
    "/users/{pathid:uid}/sessions",
    response={200: Paged[SessionOut], **READ},
    operation_id="list_user_sessions",
    summary="Live sessions of a user",
)
def list_user_sessions(request: HttpRequest, slug: SlugPath, uid: IdPath) -> HttpResponse:
    """Needs `view`. Every node is asked itself; `partial` names those that didn't answer."""
    found = queries.sessions(access.enter(request, slug), uid)
    return paged(found.value, SessionOut.of, failed=found.failed, as_of=found.as_of)


@router.get(
    "/users/{pathid:uid}/conversations",
    response={200: Paged[ConversationOut], **READ},
    operation_id="list_user_conversations",
    summary="Conversations of a user",
)
def list_user_conversations(request: HttpRequest, slug: SlugPath, uid: IdPath) -> HttpResponse:
    """Needs `view`. Latest first; very recent ones show up after the server's periodic save."""
    return paged(queries.conversations(access.enter(request, slug), uid), ConversationOut.of)


@router.get(
    "/users/{pathid:uid}/may-send",
    response={200: MaySendOut, **READ},
    operation_id="explain_sending",
    summary="May this user send there, and if not, why",
)
def explain_sending(
    request: HttpRequest,
    slug: SlugPath,
    uid: IdPath,
    to: Annotated[str, Query(description="channel id; for type 1 the uid of the other person", max_length=500)],
    type: Annotated[int, Query(ge=1, le=255, description="channel type")] = 2,
) -> MaySendOut:
    """Needs `view`. The server's checks in its own order, each with its source; what can't be read is unknown."""
    return MaySendOut.of(sending.may_send(access.enter(request, slug), uid, ChannelRef(to, type)))


@router.post(
    "/users/{pathid:uid}/kick",
    response={200: ReportOut, **CHANGED},
    operation_id="kick_session",
    summary="Kick one session",
)
def kick_session(request: HttpRequest, slug: SlugPath, uid: IdPath, body: KickIn) -> ReportOut:
    """Needs `kick`. Takes about 3 seconds: the session is looked for again before it is called gone.

    The server only detaches it: its socket may linger, unserved, and what it sends is accepted until it closes.
    """
    scope = access.enter(request, slug, Permission.KICK)
    return ReportOut.of(
        sessions.kick(scope, uid, node_id=body.node_id, session_id=int(body.session_id), reason=body.reason)
    )


@router.post(
    "/users/{pathid:uid}/devices/{int:flag}/sign-out",
    response={200: ReportOut, **CHANGED},
    operation_id="sign_out_device",
    summary="Sign a device out",
)
def sign_out_device(request: HttpRequest, slug: SlugPath, uid: IdPath, flag: int, body: ReasonIn) -> ReportOut:
    """Needs `kick`. Blanks the stored token; `remaining` names sessions it did not reach. 404 without device row."""
    scope = access.enter(request, slug, Permission.KICK)
    return ReportOut.of(sessions.sign_out(scope, uid, flag=flag, reason=body.reason))


@router.post(
    "/users/{pathid:uid}/log-out",
    response={200: ReportOut, **CHANGED},
    operation_id="log_out_user",
    summary="Log a user out now",
)
def log_out_user(request: HttpRequest, slug: SlugPath, uid: IdPath, body: ReasonIn) -> ReportOut:
    """Needs `kick`. Signs every device out, kicks what is left on any node, reads back: about 6 seconds."""
    return ReportOut.of(sessions.log_out(access.enter(request, slug, Permission.KICK), uid, reason=body.reason))


@router.post(
    "/users/{pathid:uid}/keep-out",
    response={200: ReportOut, **CHANGED},
    operation_id="keep_user_out",
    summary="Keep a user out",
)
def keep_user_out(request: HttpRequest, slug: SlugPath, uid: IdPath, body: RestrictIn) -> ReportOut:
    """Needs `restrict-users`. Bans login and sending first, then logs out: about 7 seconds. Holds until its end, or
    until `let-in`."""
    scope = access.enter(request, slug, Permission.RESTRICT_USERS)
    return ReportOut.of(restrictions.keep_out(scope, uid, reason=body.reason, until=body.until))


@router.post(
    "/users/{pathid:uid}/let-in",
    response={200: ReportOut, **CHANGED},
    operation_id="let_user_in",
    summary="Let a user in again",
)
def let_user_in(request: HttpRequest, slug: SlugPath, uid: IdPath, body: ReasonIn) -> ReportOut:
    """Needs `restrict-users`. Sending stays stopped when that was recorded by itself."""
    scope = access.enter(request, slug, Permission.RESTRICT_USERS)
    return ReportOut.of(restrictions.let_in(scope, uid, reason=body.reason))


@router.post(
    "/users/{pathid:uid}/stop-sending",
    response={200: ReportOut, **CHANGED},
    operation_id="stop_user_sending",
    summary="Stop a user sending anywhere",
)
def stop_user_sending(request: HttpRequest, slug: SlugPath, uid: IdPath, body: RestrictIn) -> ReportOut:
    """Needs `restrict-users`. The server can't be asked about it later; `restrictions` holds the record."""
    scope = access.enter(request, slug, Permission.RESTRICT_USERS)
    return ReportOut.of(restrictions.stop_sending(scope, uid, reason=body.reason, until=body.until))


@router.post(
    "/users/{pathid:uid}/allow-sending",
    response={200: ReportOut, **CHANGED},
    operation_id="allow_user_sending",
    summary="Allow a user to send again",
)
def allow_user_sending(request: HttpRequest, slug: SlugPath, uid: IdPath, body: ReasonIn) -> ReportOut:
    """Needs `restrict-users`. 409 while the user is kept out, which stops sending too."""
    scope = access.enter(request, slug, Permission.RESTRICT_USERS)
    return ReportOut.of(restrictions.allow_sending(scope, uid, reason=body.reason))


@router.get(
    "/restrictions",
    response={200: Paged[RestrictionOut], **problems(401, 403, 404, 422)},
    operation_id="list_restrictions",
    summary="Restrictions set from here",
)
def list_restrictions(
    request: HttpRequest,
    slug: SlugPath,
    state: Literal["open", "lifted", "all"] = "open",
    uid: Annotated[str, Query(max_length=200)] = "",
    kind: Literal["", "deny", "stop_sending", "keep_out"] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> HttpResponse:
    """Needs `view`. Our record, newest first: what other programs did to people isn't known to us."""
    scope = access.enter(request, slug)
    page = queries.restrictions(scope, state=state, uid=uid, kind=kind, cursor=cursor, limit=limit)
    return paged(page.rows, RestrictionOut.of, next_cursor=page.next_cursor, as_of=page.as_of)
