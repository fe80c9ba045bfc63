"""Replies about a node as a server turned into our types.  No call is made here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imadmin.gateway.enums import PluginStatus, named
from imadmin.gateway.kinds.wukongim2 import wire
from imadmin.gateway.kinds.wukongim2.shapes import (
    Row,
    WrongShape,
    duration,
    flag,
    from_nanoseconds,
    from_seconds,
    inner,
    number,
    numbers,
    real,
    rfc3339,
    rows,
    text,
    texts,
    whole,
)  # fmt: skip
from imadmin.gateway.system_types import (
    Addresses,
    ConnectionPage,
    MigrateResult,
    Plugin,
    PluginBinding,
    SeriesPoint,
    ServerSettings,
    SignedIn,
    Tag,
    TagNode,
    Variables,
)  # fmt: skip
from imadmin.gateway.types import ChannelRef, now


def addresses(answer: Any) -> Addresses:
    row = whole(answer)
    return Addresses(text(row, "tcp_addr"), text(row, "ws_addr"), text(row, "wss_addr"), texts(row, "uids"))


def many_addresses(answer: Any) -> tuple[Addresses, ...]:
    return tuple(addresses(row) for row in rows(answer))


def connection_page(answer: Any, offset: int, limit: int) -> ConnectionPage:
    row = whole(answer)
    found = tuple(wire.session(each) for each in rows(row.get("connections")))
    return ConnectionPage(found, number(row, "total"), offset, len(found) >= limit, now())


def variables(answer: Any) -> Variables:
    row = whole(answer)
    node = text(row, "server_id", None)
    if not node.isascii() or not node.isdecimal():
        raise WrongShape("server_id")
    return Variables(
        node=int(node),
        name=text(row, "server_name"),
        version=text(row, "version"),
        commit=text(row, "commit"),
        connections=number(row, "connections", None),
        uptime=duration(text(row, "uptime")),
        goroutines=number(row, "goroutine"),
        memory=number(row, "mem"),
        cpu=real(row, "cpu") if "cpu" in row else None,
        in_messages=number(row, "in_msgs"),
        out_messages=number(row, "out_msgs"),
        in_bytes=number(row, "in_bytes"),
        out_bytes=number(row, "out_bytes"),
        retry_queue=number(row, "retry_queue"),
        tcp_address=text(row, "tcp_addr"),
        websocket_address=text(row, "ws_addr"),
        secure_websocket_address=text(row, "wss_addr"),
        manager_address=text(row, "manager_addr"),
        is_manager_on=flag(row, "manager_on"),
        api_url=text(row, "api_url"),
        manager_uid=text(row, "manager_uid"),
        is_manager_token_on=flag(row, "manager_token_on"),
        busiest=tuple(wire.session(each) for each in rows(row.get("conns"))),
    )


def settings(answer: Any) -> ServerSettings:
    row = whole(answer)
    logger = inner(row, "logger")
    return ServerSettings(
        flag(logger, "trace_on"), flag(logger, "loki_on"), flag(row, "prometheus_on"), flag(row, "stress_on")
    )


def migrate_result(answer: Any) -> MigrateResult:
    row = whole(answer)
    return MigrateResult(
        text(row, "status", None), text(row, "step"), number(row, "try_count"), row.get("last_err") is not None
    )


def signed_in(answer: Any) -> SignedIn:
    row = whole(answer)
    expires = from_seconds(number(row, "exp", None))
    if expires is None:
        raise WrongShape("exp")
    return SignedIn(text(row, "username"), text(row, "permissions"), expires, text(row, "token", None))


# -- tags and plugins --------------------------------------------------------------------------------------------------


def tags(answer: Any) -> tuple[Tag, ...]:
    return tuple(tag(row) for row in rows(answer))


def tag(answer: Any) -> Tag:
    """One form or the other: a list writes its times as local text, a single tag as instants."""
    row = whole(answer)
    is_listed = "last_get_at" in row
    return Tag(
        key=text(row, "key", None),
        channel=ChannelRef(text(row, "channel_id"), number(row, "channel_type")),
        nodes=tuple(
            TagNode(number(node, "leader_id"), texts(node, "uids"), numbers(node, "slot_ids"))
            for node in rows(row.get("nodes"))
        ),
        uses=number(row, "get_count"),
        config_version=number(row, "node_version"),
        created_at=None if is_listed else rfc3339(row, "created_at"),
        used_at=None if is_listed else rfc3339(row, "last_get_time"),
        created_text=text(row, "created_at") if is_listed else "",
        expires_text=text(row, "expire_at"),
        used_text=text(row, "last_get_at"),
    )


def plugins(answer: Any) -> tuple[Plugin, ...]:
    """Zero values are left out there, a status of 0 among them."""
    return tuple(
        Plugin(
            node=number(row, "node_id"),
            no=text(row, "no"),
            name=text(row, "name"),
            version=text(row, "version"),
            status=named(PluginStatus, number(row, "status")),
            methods=texts(row, "methods"),
            priority=number(row, "priority"),
            is_ai=flag(row, "is_ai"),
            config=inner(row, "config"),
            config_template=inner(row, "config_template"),
            created_at=rfc3339(row, "created_at"),
            updated_at=rfc3339(row, "updated_at"),
        )
        for row in rows(answer)
    )


def bindings(answer: Any) -> tuple[PluginBinding, ...]:
    return tuple(
        PluginBinding(
            text(row, "plugin_no"),
            text(row, "uid"),
            from_nanoseconds(number(row, "created_at")),
            from_nanoseconds(number(row, "updated_at")),
        )
        for row in rows(answer)
    )


# -- series ------------------------------------------------------------------------------------------------------------


def series(answer: Any) -> tuple[SeriesPoint, ...]:
    """[] without a Prometheus server.  Figures are numbers, or lists with a value for each node."""
    return tuple(_point(row) for row in rows(answer))


def _point(row: Row) -> SeriesPoint:
    at = from_seconds(number(row, "timestamp", None))
    if at is None:
        raise WrongShape("timestamp")
    figures = {name: value for name, value in row.items() if name != "timestamp" and value is not None}
    return SeriesPoint(
        at,
        {name: real(row, name) for name, value in figures.items() if not isinstance(value, list)},
        {name: _by_node(value) for name, value in figures.items() if isinstance(value, list)},
    )


def _by_node(found: Any) -> Mapping[str, float]:
    return {text(one, "label"): real(one, "value") for one in rows(found)}
