"""Who may open and change what: every route of the product against every member of the cast.

A route that is not in the tables fails the test, so a new one can't forget to say who may.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from imadmin.accounts.models import ApiToken
from imadmin.accounts.permissions import ROLE_PERMISSIONS, Permission, Role
from imadmin.clusters.models import Grant
from imadmin.core import crypto
from imadmin.gateway.types import ChannelRef

P = Permission
ROLES = ("owner", "admin", "moderator", "support", "viewer", "stranger", "anonymous")
PUBLIC, SIGNED_IN = "public", "signed in"

# Inside a cluster: route -> what GET needs, what POST needs (None: that method isn't there).
CLUSTER_PAGES: dict[str, tuple[Permission | None, Permission | None]] = {
    "overview": (P.VIEW, None),
    "events": (P.VIEW, None),
    "cluster-status": (P.VIEW, None),
    "messages": (P.SEARCH_MESSAGES, None),
    "messages-server": (P.SEARCH_MESSAGES, None),
    "message": (P.SEARCH_MESSAGES, None),
    "tail": (P.SEARCH_MESSAGES, None),
    "completeness": (P.VIEW, None),
    "archive-cost": (P.OPERATE_CLUSTER, None),
    "archive-open": (None, P.OPERATE_CLUSTER),
    "archive-close": (None, P.OPERATE_CLUSTER),
    "archive-budget": (None, P.OPERATE_CLUSTER),
    "archive-read": (None, P.OPERATE_CLUSTER),
    "tail-rows": (P.SEARCH_MESSAGES, None),
    "spread": (P.REVEAL_BODIES, None),
    "spread-chosen": (None, P.REVEAL_BODIES),
    "saved-searches": (P.SEARCH_MESSAGES, None),
    "saved-panel": (P.SEARCH_MESSAGES, None),
    "saved-search-new": (P.SEARCH_MESSAGES, P.SEARCH_MESSAGES),
    "saved-search-open": (P.SEARCH_MESSAGES, None),
    "saved-search-edit": (P.SEARCH_MESSAGES, P.SEARCH_MESSAGES),
    "saved-search-pin": (None, P.SEARCH_MESSAGES),
    "saved-search-share": (None, P.SEARCH_MESSAGES),
    "saved-search-delete": (None, P.SEARCH_MESSAGES),
    "past-search-forget": (None, P.SEARCH_MESSAGES),
    "past-searches-forget": (None, P.SEARCH_MESSAGES),
    "exports": (P.EXPORT_MESSAGES, P.EXPORT_MESSAGES),
    "export": (P.EXPORT_MESSAGES, None),
    "export-file": (P.EXPORT_MESSAGES, None),
    "export-stop": (None, P.EXPORT_MESSAGES),
    "export-delete": (None, P.EXPORT_MESSAGES),
    "message-reveal": (None, P.REVEAL_BODIES),
    "message-reveal-around": (None, P.REVEAL_BODIES),
    "messages-narrow": (P.SEARCH_MESSAGES, None),
    "messages-suggest": (P.SEARCH_MESSAGES, None),
    "messages-senders": (P.SEARCH_MESSAGES, P.SEARCH_MESSAGES),
    "channels": (P.VIEW, None),
    "channels-open": (P.VIEW, None),
    "channels-new": (P.MANAGE_CHANNELS, None),
    "channels-create": (None, P.MANAGE_CHANNELS),
    "channel": (P.VIEW, None),
    "channel-members": (P.VIEW, None),
    "channel-members-preview": (None, P.MANAGE_CHANNELS),
    "channel-members-apply": (None, P.MANAGE_CHANNELS),
    "channel-members-plan": (P.VIEW, None),
    "channel-members-add": (None, P.MANAGE_CHANNELS),
    "channel-members-undo": (None, P.MANAGE_CHANNELS),
    "channel-denylist": (P.VIEW, None),
    "channel-denylist-preview": (None, P.RESTRICT_MEMBERS),
    "channel-denylist-apply": (None, P.RESTRICT_MEMBERS),
    "channel-denylist-plan": (P.VIEW, None),
    "channel-denylist-add": (None, P.RESTRICT_MEMBERS),
    "channel-denylist-undo": (None, P.RESTRICT_MEMBERS),
    "channel-allowlist": (P.VIEW, None),
    "channel-allowlist-preview": (None, P.RESTRICT_MEMBERS),
    "channel-allowlist-apply": (None, P.RESTRICT_MEMBERS),
    "channel-allowlist-plan": (P.VIEW, None),
    "channel-allowlist-add": (None, P.RESTRICT_MEMBERS),
    "channel-allowlist-undo": (None, P.RESTRICT_MEMBERS),
    "channel-flags": (P.VIEW, P.MANAGE_CHANNELS),
    "channel-cluster": (P.VIEW, None),
    "channel-history": (P.VIEW, None),
    "nodes": (P.VIEW, None),
    "node": (P.VIEW, None),
    "slots": (P.VIEW, None),
    "slot": (P.VIEW, None),
    "users": (P.VIEW, None),
    "user": (P.VIEW, None),
    "live-feed": (P.VIEW, None),
    "hook": (P.OPERATE_CLUSTER, None),
    "hook-make": (None, P.OPERATE_CLUSTER),
    "hook-show": (None, P.OPERATE_CLUSTER),
    "hook-close": (None, P.OPERATE_CLUSTER),
    "connections": (P.VIEW, None),
    "connections-kick": (None, P.KICK),
    "connections-columns": (None, P.VIEW),
    "connections-csv": (P.VIEW, None),
    "connection": (P.VIEW, None),
    "connection-ghosts": (P.VIEW, None),
    "user-may-send": (P.VIEW, None),
    "user-kick": (P.KICK, P.KICK),
    "user-sign-out": (P.KICK, P.KICK),
    "user-log-out": (P.KICK, P.KICK),
    "user-keep-out": (P.RESTRICT_USERS, P.RESTRICT_USERS),
    "user-let-in": (P.RESTRICT_USERS, P.RESTRICT_USERS),
    "user-stop-sending": (P.RESTRICT_USERS, P.RESTRICT_USERS),
    "user-allow-sending": (P.RESTRICT_USERS, P.RESTRICT_USERS),
    "jobs": (P.VIEW, None),
    "job": (P.VIEW, None),
    "job-start": (None, P.MANAGE_POLICIES),
    "job-stop": (None, P.MANAGE_POLICIES),
    "job-policy": (P.VIEW, None),
    "job-policy-new": (P.MANAGE_POLICIES, P.MANAGE_POLICIES),
    "job-policy-edit": (P.MANAGE_POLICIES, P.MANAGE_POLICIES),
    "job-policy-simulate": (None, P.MANAGE_POLICIES),
    "job-policy-run": (P.MANAGE_POLICIES, P.MANAGE_POLICIES),
    "job-policy-on": (P.MANAGE_POLICIES, P.MANAGE_POLICIES),
    "job-policy-off": (P.MANAGE_POLICIES, P.MANAGE_POLICIES),
    "job-policy-delete": (P.MANAGE_POLICIES, P.MANAGE_POLICIES),
    "job-hold": (P.MANAGE_POLICIES, P.MANAGE_POLICIES),
    "job-hold-lift": (P.MANAGE_POLICIES, P.MANAGE_POLICIES),
    "operations": (P.VIEW, None),
    "operation": (P.VIEW, None),
    "operation-apply": (None, P.KICK),
    "operation-pause": (None, P.KICK),
    "operation-resume": (None, P.KICK),
    "operation-stop": (None, P.KICK),
    "operation-discard": (None, P.KICK),
    "operation-again": (None, P.KICK),
    "operation-csv": (P.VIEW, None),
    "stats": (P.VIEW, None),
    "stats-data": (P.VIEW, None),
    "stats-csv": (P.VIEW, None),
    "stats-table": (P.VIEW, None),
    "slot-move": (P.OPERATE_CLUSTER, P.OPERATE_CLUSTER),
    "slot-balance": (None, P.OPERATE_CLUSTER),
}
SITE_PAGES: dict[str, tuple[Any, Any]] = {
    "home": (SIGNED_IN, None),
    "find": (SIGNED_IN, None),
    "preferences": (None, PUBLIC),
    "fresh-token": (PUBLIC, None),
    "account": (SIGNED_IN, SIGNED_IN),
    "settings": (SIGNED_IN, None),
    "audit": (P.VIEW_AUDIT, None),
    "audit-entry": (P.VIEW_AUDIT, None),
    "audit-verify": (None, P.MANAGE_SITE),
    "settings-clusters": (P.MANAGE_SITE, None),
    "settings-cluster-add": (P.MANAGE_SITE, P.MANAGE_SITE),
    "settings-cluster-try-new": (None, P.MANAGE_SITE),
    "settings-cluster-edit": (P.MANAGE_SITE, P.MANAGE_SITE),
    "settings-cluster-try": (None, P.MANAGE_SITE),
    "settings-cluster-test": (None, P.MANAGE_SITE),
    "settings-cluster-remove": (P.MANAGE_SITE, P.MANAGE_SITE),
    "settings-people": (P.MANAGE_SITE, None),
    "settings-person-add": (P.MANAGE_SITE, P.MANAGE_SITE),
    "settings-person": (P.MANAGE_SITE, None),
    "settings-person-roles": (None, P.MANAGE_SITE),
    "settings-person-password": (None, P.MANAGE_SITE),
    "settings-person-active": (None, P.MANAGE_SITE),
    "settings-tokens": (P.MANAGE_SITE, P.MANAGE_SITE),
    "settings-token-revoke": (None, P.MANAGE_SITE),
}
# The sign-in library's own pages, and what load balancers ask.
OPEN_PAGES = {
    "healthz", "readyz", "account_login", "account_logout", "account_change_password", "account_signup",
    "account_reauthenticate", "account_inactive", "account_reset_password", "account_set_password", "account_email",
}  # fmt: skip

# JSON API: operation -> what it needs. Everything but the description needs a token.
API_OPEN = {"start", "docs", "openapi-json", "api-root", None}
API: dict[str, Any] = {
    "list_clusters": SIGNED_IN,
    "get_cluster": P.VIEW,
    "list_nodes": P.VIEW,
    "get_node": P.VIEW,
    "get_node_metrics": P.VIEW,
    "list_slots": P.VIEW,
    "get_slot": P.VIEW,
    "list_slot_history": P.VIEW,
    "test_cluster": P.MANAGE_SITE,
    "search_messages": P.SEARCH_MESSAGES,
    "search_archive": P.SEARCH_MESSAGES,
    "count_archive": P.SEARCH_MESSAGES,
    "archive_facets": P.SEARCH_MESSAGES,
    "suggest_archive": P.SEARCH_MESSAGES,
    "tail_archive": P.SEARCH_MESSAGES,
    "get_archive": P.VIEW,
    "list_archived_channels": P.VIEW,
    "estimate_archive": P.OPERATE_CLUSTER,
    "open_archive": P.OPERATE_CLUSTER,
    "close_archive": P.OPERATE_CLUSTER,
    "set_archive_budget": P.OPERATE_CLUSTER,
    "repair_archive": P.OPERATE_CLUSTER,
    "spread_archive": P.REVEAL_BODIES,
    "list_saved_searches": P.SEARCH_MESSAGES,
    "create_saved_search": P.SEARCH_MESSAGES,
    "change_saved_search": P.SEARCH_MESSAGES,
    "delete_saved_search": P.SEARCH_MESSAGES,
    "feed_saved_search": P.SEARCH_MESSAGES,
    "start_export": P.EXPORT_MESSAGES,
    "list_exports": P.EXPORT_MESSAGES,
    "get_export": P.EXPORT_MESSAGES,
    "get_export_file": P.EXPORT_MESSAGES,
    "stop_export": P.EXPORT_MESSAGES,
    "delete_export": P.EXPORT_MESSAGES,
    "get_message": P.SEARCH_MESSAGES,
    "get_message_context": P.SEARCH_MESSAGES,
    "reveal_message": P.REVEAL_BODIES,
    "list_runs": P.VIEW,
    "get_run": P.VIEW,
    "start_job": P.MANAGE_POLICIES,
    "stop_run": P.MANAGE_POLICIES,
    "list_policies": P.VIEW,
    "list_policy_kinds": P.VIEW,
    "create_policy": P.MANAGE_POLICIES,
    "get_policy": P.VIEW,
    "change_policy": P.MANAGE_POLICIES,
    "switch_policy": P.MANAGE_POLICIES,
    "delete_policy": P.MANAGE_POLICIES,
    "simulate_policy": P.MANAGE_POLICIES,
    "run_policy": P.MANAGE_POLICIES,
    "list_holds": P.VIEW,
    "add_hold": P.MANAGE_POLICIES,
    "lift_hold": P.MANAGE_POLICIES,
    "list_channels": P.VIEW,
    "create_channel": P.MANAGE_CHANNELS,
    "get_channel": P.VIEW,
    "get_channel_flags": P.VIEW,
    "set_channel_flags": P.MANAGE_CHANNELS,
    "list_channel_members": P.VIEW,
    "add_channel_members": P.MANAGE_CHANNELS,
    "remove_channel_members": P.MANAGE_CHANNELS,
    "remove_channel_members_by_post": P.MANAGE_CHANNELS,
    "preview_add_channel_members": P.MANAGE_CHANNELS,
    "preview_remove_channel_members": P.MANAGE_CHANNELS,
    "list_channel_denylist": P.VIEW,
    "add_channel_denylist": P.RESTRICT_MEMBERS,
    "remove_channel_denylist": P.RESTRICT_MEMBERS,
    "remove_channel_denylist_by_post": P.RESTRICT_MEMBERS,
    "preview_add_channel_denylist": P.RESTRICT_MEMBERS,
    "preview_remove_channel_denylist": P.RESTRICT_MEMBERS,
    "list_channel_allowlist": P.VIEW,
    "add_channel_allowlist": P.RESTRICT_MEMBERS,
    "remove_channel_allowlist": P.RESTRICT_MEMBERS,
    "remove_channel_allowlist_by_post": P.RESTRICT_MEMBERS,
    "preview_add_channel_allowlist": P.RESTRICT_MEMBERS,
    "preview_remove_channel_allowlist": P.RESTRICT_MEMBERS,
    "get_change": P.RESTRICT_MEMBERS,
    "get_stats": P.VIEW,
    "list_busiest_channels": P.VIEW,
    "look_up_users": P.VIEW,
    "get_user": P.VIEW,
    "list_user_devices": P.VIEW,
    "list_user_sessions": P.VIEW,
    "list_user_conversations": P.VIEW,
    "explain_sending": P.VIEW,
    "kick_session": P.KICK,
    "sign_out_device": P.KICK,
    "log_out_user": P.KICK,
    "keep_user_out": P.RESTRICT_USERS,
    "let_user_in": P.RESTRICT_USERS,
    "stop_user_sending": P.RESTRICT_USERS,
    "allow_user_sending": P.RESTRICT_USERS,
    "list_restrictions": P.VIEW,
    "get_health": P.VIEW,
    "list_events": P.VIEW,
    "list_connections": P.VIEW,
    "list_ghosts": P.VIEW,
    "list_presence": P.VIEW,
    "get_webhook": P.OPERATE_CLUSTER,
    "make_webhook_secret": P.OPERATE_CLUSTER,
    "close_webhook": P.OPERATE_CLUSTER,
    "plan_kick": P.KICK,
    "plan_slot_moves": P.OPERATE_CLUSTER,
    "plan_slot_move": P.OPERATE_CLUSTER,
    "plan_slot_balance": P.OPERATE_CLUSTER,
    "list_operations": P.VIEW,
    "get_operation": P.VIEW,
    "list_operation_targets": P.VIEW,
    "apply_operation": P.KICK,
    "pause_operation": P.KICK,
    "resume_operation": P.KICK,
    "stop_operation": P.KICK,
    "plan_operation_again": P.KICK,
    "discard_operation": P.KICK,
    "list_audit": P.VIEW_AUDIT,
    "get_audit_row": P.VIEW_AUDIT,
    "list_tokens": P.MANAGE_SITE,
    "create_token": P.MANAGE_SITE,
    "revoke_token": P.MANAGE_SITE,
}

SAMPLES = {
    "slug": "demo", "uid": "nobody-by-this-name", "channel": ChannelRef("no-such-group", 2), "message_id": 1,
    "entry_id": 1, "token_id": 1, "username": "viewer", "flag": 0, "channel_type": 2, "channel_id": "no-such-group",
    "plan_id": "no-such-plan", "change_id": "no-such-plan", "verb": "add", "node": 1001, "connection": 1, "slot": 3,
    "operation_id": "no-such-operation", "run_id": "no-such-run", "chart": "connections", "policy_id": 1, "hold_id": 1, "search_id": 1, "past_id": 1, "export_id": "no-such-export", "kind": "idle-connections",
}  # fmt: skip


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern), pattern


def address(name: str, namespace: str = "") -> str:
    for path, pattern in routes(get_resolver().url_patterns):
        if pattern.name == name and path.startswith("api/") is bool(namespace):
            kwargs = {key: SAMPLES[key] for key in pattern.pattern.converters}
            return reverse(f"{namespace}{name}", kwargs=kwargs)
    raise AssertionError(f"no route {name}")


def may(role: str, needs: Any) -> bool:
    if needs == SIGNED_IN:
        return role != "anonymous"
    if role in ("stranger", "anonymous"):
        return False
    return needs in ROLE_PERMISSIONS[Role(role)]


def send(client: Client, method: str, path: str) -> Any:
    return client.get(path) if method == "GET" else client.post(path, {})


@pytest.fixture
def client_as(cluster: Any, client_of: Callable[..., Any]) -> Callable[[str], Client]:
    def make(role: str) -> Client:
        client_of(cluster, "viewer")  # the whole cast exists, whoever asks
        return Client() if role == "anonymous" else client_of(cluster, role)

    return make


# Forms that may answer at their own address: who opens that address gets their page.
SENT_BACK = {"message-reveal", "message-reveal-around", "hook-make", "hook-show", "hook-close"}


def test_every_page_says_who_may_open_it() -> None:
    named = {pattern.name for path, pattern in routes(get_resolver().url_patterns) if not path.startswith("api/")}

    assert named == set(CLUSTER_PAGES) | set(SITE_PAGES) | OPEN_PAGES


@pytest.mark.parametrize("role", ROLES)
def test_cluster_pages(role: str, client_as: Callable[[str], Client]) -> None:
    client = client_as(role)
    wrong = []
    for name, needs in CLUSTER_PAGES.items():
        for method, need in zip(("GET", "POST"), needs, strict=True):
            got = send(client, method, address(name))
            if need is None:
                expected = got.status_code in ((302, 401, 405) if role == "anonymous" else (404, 405, 403))
                if name in SENT_BACK and role != "anonymous":  # to a page that asks for rights itself
                    expected = got.status_code == 302 and address(name).startswith(got["Location"])
            elif role == "anonymous":
                expected = got.status_code in (302, 401) and ("login" in got.get("Location", "login"))
            elif role == "stranger":
                expected = got.status_code == 404
            elif may(role, need):
                expected = got.status_code not in (401, 403, 405, 500)
            else:
                expected = got.status_code == 403
            if not expected:
                wrong.append(f"{method} {name}: {got.status_code}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", ROLES)
def test_site_pages(role: str, client_as: Callable[[str], Client]) -> None:
    client = client_as(role)
    wrong = []
    for name, needs in SITE_PAGES.items():
        for method, need in zip(("GET", "POST"), needs, strict=True):
            got = send(client, method, address(name))
            if need == PUBLIC:
                expected = got.status_code < 400
            elif role == "anonymous":
                expected = got.status_code in (302, 401, 405)
            elif need is None:
                expected = got.status_code in (403, 404, 405)
            elif may(role, need):
                expected = got.status_code not in (401, 403, 405, 500)
            else:
                expected = got.status_code in (403, 404)
            if not expected:
                wrong.append(f"{method} {name}: {got.status_code}")
    assert not wrong, "\n".join(wrong)


def description() -> Any:
    from imadmin.api.main import api

    return api.get_openapi_schema(path_prefix="/api/v1/")


def sample(schema: Any, part: Any) -> Any:
    """A harmless value of that shape, so that the answer is about rights alone."""
    if "$ref" in part:
        part = schema["components"]["schemas"][part["$ref"].rsplit("/", 1)[1]]
    if "properties" in part:
        return {name: sample(schema, part["properties"][name]) for name in part.get("required", [])}
    if "enum" in part:
        return part["enum"][0]
    if "anyOf" in part:
        return sample(schema, part["anyOf"][0])
    if "pattern" in part:
        return "1"
    if "$ref" in part.get("items", {}):
        return [sample(schema, part["items"])]
    return {"array": ["nobody"], "integer": 1, "boolean": False, "number": 1}.get(part.get("type"), "nobody here")


def sample_body(schema: Any, operation: Any) -> Any:
    content = operation.get("requestBody", {}).get("content", {})
    return sample(schema, content["application/json"]["schema"]) if content else {}


def sample_query(schema: Any, operation: Any) -> str:
    wanted = [one for one in operation.get("parameters", []) if one["in"] == "query" and one.get("required")]
    return urlencode({one["name"]: sample(schema, one["schema"]) for one in wanted}, doseq=True)


def operations() -> dict[str, tuple[str, str, Any]]:
    """operation id -> (method, route, what it needs)."""
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, methods in description()["paths"].items()
        for method, operation in methods.items()
    }


def api_client(cluster: Any, role: str) -> Client:
    if role == "anonymous":
        return Client()
    token = crypto.new_token("ima")
    row = ApiToken.objects.create(
        name=role, hash=crypto.token_hash(token), tail=token[-4:], created_by="test", is_owner=role == "owner"
    )
    if role not in ("owner", "stranger"):
        Grant.objects.create(token=row, cluster=cluster, role=role)
    return Client(headers={"Authorization": f"Bearer {token}"})


def test_every_operation_says_who_may_call_it() -> None:
    assert set(operations()) == set(API)


@pytest.mark.parametrize("role", ROLES)
def test_api_operations(role: str, cluster: Any) -> None:
    client = api_client(cluster, role)
    wrong = []
    schema = description()
    for name, (method, path, operation) in operations().items():
        need = API[name]
        there = f"{path.format(**SAMPLES)}?{sample_query(schema, operation)}"
        body = json.dumps(sample_body(schema, operation))
        got = client.generic(method, there, body, content_type="application/json")
        if role == "anonymous":
            expected = got.status_code == 401
        elif need == SIGNED_IN:
            expected = got.status_code < 400
        elif role == "stranger":
            expected = got.status_code == (404 if "{slug}" in path else 403)
        elif may(role, need):
            expected = got.status_code not in (401, 403, 405, 500)
        else:
            expected = got.status_code == 403
        if not expected:
            wrong.append(f"{method} {name}: {got.status_code} {got.content[:200]!r}")
    assert not wrong, "\n".join(wrong)
