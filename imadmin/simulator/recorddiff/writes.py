"""Questions that write, each under names that nobody used before: channels, lists, users, messages, conversations."""

from .question import Question

PAYLOAD = "eyJ0eXBlIjoxLCJjb250ZW50Ijoi5L2g5aW9In0="
TEMPORARY = "tmpchannel"
G = {"channel_id": "{p}g", "channel_type": 2}


def _post(
    name: str, path: str, body: object = None, *, pause: float = 0.0, exact: bool = True, **keep: str
) -> Question:
    return Question(name, "POST", path, body=body, exact=exact, pause=pause, keep=keep)


def _get(name: str, path: str, *, pause: float = 0.0, **query: object) -> Question:
    return Question(name, "GET", path, query, exact=True, pause=pause)


def _send(name: str, **fields: object) -> Question:
    """Paused: sends are stored in the order in which they reach the channel's leader, not of the calls."""
    body = {"from_uid": "{p}u1", "payload": PAYLOAD, **fields}
    return Question(name, "POST", "/message/send", body=body, exact=True, pause=0.4)


CHANNELS = [
    _post("create", "/channel", {**G, "subscribers": ["{p}u1", "{p}u2", "{p}u3"]}),
    _post("create-again", "/channel", {**G, "large": 1}),
    _post("create-no-id", "/channel", {"channel_type": 2}),
    _post("create-no-type", "/channel", {"channel_id": "{p}x"}),
    _post("create-bad-id", "/channel", {"channel_id": "{p}#x", "channel_type": 2}),
    _post("create-wrong-type", "/channel", {"channel_id": 5, "channel_type": 2}),
    _post("create-big-type", "/channel", {"channel_id": "{p}x", "channel_type": 300}),
    _post("create-bool-flag", "/channel", {"channel_id": "{p}x", "channel_type": 2, "ban": True}),
    _post("create-bad", "/channel", b"{bad"),
    _post("create-nothing", "/channel"),
    _post("create-person-members", "/channel", {"channel_id": "{p}u1", "channel_type": 1, "subscribers": ["a"]}),
    _post("create-odd-id", "/channel", {"channel_id": "{p} 你好\"'<>", "channel_type": 2}),
    _post("create-type-99", "/channel", {"channel_id": "{p}t99", "channel_type": 99}),
    _post("info", "/channel/info", {**G, "ban": 0}),
    _post("info-bad", "/channel/info", b"{bad"),
    _post("delete-person", "/channel/delete", {"channel_id": "{p}u1", "channel_type": 1}),
    _post("delete-unknown", "/channel/delete", {"channel_id": "{p}gone", "channel_type": 2}),
    _get("members", "/cluster/channels/{p}g/2/subscribers", pause=0.4),
    _get("channel-exact", "/cluster/channels", channel_id="{p}g", channel_type=2),
    _get("channel-exact-own", "/cluster/channels", channel_id="{p}g", channel_type=2, node_id="{node}"),
    _post("member-add", "/channel/subscriber_add", {**G, "subscribers": ["{p}u4"]}),
    _post("member-add-uids", "/channel/subscriber_add", {**G, "uids": ["{p}u4"]}),
    _post("member-add-blank", "/channel/subscriber_add", {**G, "subscribers": [""]}),
    _post("member-add-temporary", "/channel/subscriber_add", {**G, "subscribers": ["a"], "temp_subscriber": 1}),
    _post(
        "member-add-person", "/channel/subscriber_add", {"channel_id": "{p}u1", "channel_type": 1, "subscribers": ["a"]}
    ),
    _post("member-add-no-channel", "/channel/subscriber_add", {"subscribers": ["a"]}),
    _post("member-add-makes-channel", "/channel/subscriber_add", {"channel_id": "{p}made", "subscribers": ["{p}u1"]}),
    _get("channel-made-exact", "/cluster/channels", pause=0.4, channel_id="{p}made", channel_type=2),
    _post("member-remove", "/channel/subscriber_remove", {**G, "subscribers": ["{p}u4"]}),
    _post("member-remove-unknown", "/channel/subscriber_remove", {**G, "subscribers": ["{p}nobody"]}),
    _post("member-remove-no-type", "/channel/subscriber_remove", {"channel_id": "{p}g", "subscribers": ["{p}u1"]}),
    _post("member-remove-nobody", "/channel/subscriber_remove", {**G, "subscribers": []}),
    _post("member-remove-all", "/channel/subscriber_remove_all", {"channel_id": "{p}made", "channel_type": 2}),
    _post("member-remove-all-no-type", "/channel/subscriber_remove_all", {"channel_id": "{p}made"}),
    _get("members-after", "/cluster/channels/{p}g/2/subscribers", pause=0.4),
    _post("temporary", f"/{TEMPORARY}/subscriber_set", {"channel_id": "{p}tmp", "uids": ["{p}u1"]}),
    _post("temporary-nobody", f"/{TEMPORARY}/subscriber_set", {"channel_id": "{p}tmp"}),
]
LISTS = [
    _post("deny", "/channel/blacklist_add", {**G, "uids": ["{p}u3", "{p}x@y"]}),
    _post("deny-nobody", "/channel/blacklist_add", {**G, "uids": []}),
    _post("deny-no-type", "/channel/blacklist_add", {"channel_id": "{p}g", "uids": ["{p}u3"]}),
    _post("deny-no-channel", "/channel/blacklist_add", {"channel_type": 2, "uids": ["{p}u3"]}),
    _post("deny-bad", "/channel/blacklist_add", b"{bad"),
    _get("denylist", "/cluster/channels/{p}g/2/denylist", pause=0.3),
    _get("denylist-missing-route", "/channel/blacklist", channel_id="{p}g", channel_type=2),
    _post("deny-set", "/channel/blacklist_set", {**G, "uids": ["{p}u3"]}),
    _post("deny-set-empty", "/channel/blacklist_set", {**G, "uids": []}),
    _post("deny-remove", "/channel/blacklist_remove", {**G, "uids": ["{p}u3"]}),
    _post("deny-remove-nobody", "/channel/blacklist_remove", {**G, "uids": []}),
    _post("deny-remove-all", "/channel/blacklist_remove_all", G),
    _post("deny-remove-all-no-type", "/channel/blacklist_remove_all", {"channel_id": "{p}g"}),
    _post("allow", "/channel/whitelist_add", {**G, "uids": ["{p}u1", "{p}u2"]}),
    _post("allow-blank", "/channel/whitelist_add", {**G, "uids": ["", " "]}),
    _post("allow-bad-id", "/channel/whitelist_add", {"channel_id": "{p}@x", "channel_type": 2, "uids": ["a"]}),
    _get("allowlist", "/cluster/channels/{p}g/2/allowlist", pause=0.3),
    _get("allowlist-objects", "/channel/whitelist", channel_id="{p}g", channel_type=2),
    _get("allowlist-unknown", "/channel/whitelist", channel_id="{p}none", channel_type=2),
    _get("allowlist-nothing", "/channel/whitelist"),
    _post("allow-set", "/channel/whitelist_set", {**G, "uids": ["{p}u2"]}),
    _post("allow-remove", "/channel/whitelist_remove", {**G, "uids": ["{p}u9"]}),
    _post("allow-remove-nobody", "/channel/whitelist_remove", {**G, "uids": []}),
    _post("allow-set-empty", "/channel/whitelist_set", {**G, "uids": []}),
    _post("allow-remove-all", "/channel/whitelist_remove_all", G),
    _get("channel-after-lists", "/cluster/channels", pause=0.4, channel_id="{p}g", channel_type=2),
]
USERS = [
    _post("token", "/user/token", {"uid": "{p}u1", "token": "t1", "device_flag": 1, "device_level": 0}),
    _post("token-master", "/user/token", {"uid": "{p}u1", "token": "t2", "device_flag": 0, "device_level": 1}),
    _post("token-odd-flag", "/user/token", {"uid": "{p}u1", "token": "t3", "device_flag": 77, "device_level": 9}),
    _post("token-no-uid", "/user/token", {"token": "t"}),
    _post("token-no-token", "/user/token", {"uid": "{p}u1"}),
    _post("token-bad-uid", "/user/token", {"uid": "{p}@u", "token": "t"}),
    _post("token-system", "/user/token", {"uid": "____system", "token": "t"}),
    _post("token-negative-flag", "/user/token", {"uid": "{p}u1", "token": "t", "device_flag": -1}),
    _post("token-wrong-type", "/user/token", {"uid": 5, "token": "t"}),
    _post("token-bad", "/user/token", b"{bad"),
    _get("user", "/cluster/users", pause=0.4, uid="{p}u1"),
    _get("user-devices", "/cluster/devices", uid="{p}u1"),
    _get("user-devices-own", "/cluster/devices", uid="{p}u1", node_id="{node}"),
    _get("user-device", "/cluster/devices", uid="{p}u1", device_flag=1),
    _post("ban-person", "/channel/info", {"channel_id": "{p}u5", "channel_type": 1, "ban": 1}),
    _post("token-banned", "/user/token", {"uid": "{p}u5", "token": "t"}, pause=0.4),
    _post("quit", "/user/device_quit", {"uid": "{p}u1", "device_flag": 1}),
    _post("quit-all", "/user/device_quit", {"uid": "{p}u1", "device_flag": -1}),
    _post("quit-nobody", "/user/device_quit", {"uid": "{p}nobody", "device_flag": -1}),
    _post("quit-no-uid", "/user/device_quit", {"device_flag": -1}),
    _get("user-devices-after", "/cluster/devices", pause=0.4, uid="{p}u1"),
    _post("online-nobody", "/user/onlinestatus", ["{near}"]),
    _post("online-empty", "/user/onlinestatus", []),
    _post("online-object", "/user/onlinestatus", {"uids": []}),
    _post("online-bad", "/user/onlinestatus", b"[bad"),
    _post("online-numbers", "/user/onlinestatus", [5]),
    _post("system-cache-add", "/user/systemuids_add_to_cache", {"uids": ["{p}s1"]}),
    _post("system-cache-remove", "/user/systemuids_remove_from_cache", {"uids": ["{p}s1"]}),
    _post("system-wrong-type", "/user/systemuids_add", {"uids": "x"}),
    _post("plugin-no", "/user/update_plugin_no", {"uid": "{p}u1", "plugin_no": "{p}plugin"}),
    _post("plugin-bind", "/plugin/bind", {"plugin_no": "{p}plugin", "uid": "{p}u2"}),
    _post("plugin-unbind", "/plugin/unbind", {"plugin_no": "{p}plugin", "uid": "{p}u2"}),
    _get("plugin-bound-own", "/plugin/bind", pause=0.4, node_id="{node}", plugin_no="{p}plugin"),
]
