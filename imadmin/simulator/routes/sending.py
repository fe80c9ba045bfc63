"""Sending by API: /message/send and /message/sendbatch."""

from ..behaviour import Draft, send_from_api
from ..gojson import Struct
from ..http import OK, TEXT, Call, Fail, routes
from ..ids import SYSTEM_UID, ChannelType, has_forbidden

HEADER = Struct("MessageHeader", {"no_persist": "int", "red_dot": "int", "sync_once": "int"})
SEND = Struct(
    "messageSendReq",
    {
        "header": HEADER,
        "client_msg_no": "string",
        "is_stream": "int",
        "from_uid": "string",
        "channel_id": "string",
        "channel_type": "uint8",
        "expire": "uint32",
        "subscribers": "[]string",
        "payload": "[]uint8",
        "tag_key": "string",
    },
)
SEND_BATCH = Struct("", {"header": HEADER, "from_uid": "string", "subscribers": "[]string", "payload": "[]uint8"})
_BATCH_GO_TYPE = (
    'json: cannot unmarshal array into Go value of type struct { Header types.MessageHeader "json:\\"header\\""; '
    'FromUID string "json:\\"from_uid\\""; Subscribers []string "json:\\"subscribers\\""; '
    'Payload []uint8 "json:\\"payload\\"" }'
)


def _with_flags(draft: Draft, header: dict[str, int]) -> Draft:
    for name in ("no_persist", "red_dot", "sync_once"):
        setattr(draft, name, header[name] == 1)
    return draft


@routes.add("POST", "/message/send")
async def send(call: Call) -> object:
    form = call.decode(SEND, content_type=TEXT)
    if not form["payload"]:
        raise Fail("payload不能为空！")
    subscribers = tuple(uid for uid in form["subscribers"] if uid)
    sync_once = form["header"]["sync_once"] == 1
    if bool(form["channel_id"]) == bool(subscribers) or (subscribers and not sync_once):
        raise Fail("无法处理发送消息请求！")
    if has_forbidden(form["channel_id"]):
        raise Fail("频道ID不合法！")
    draft = Draft(
        form["from_uid"] or SYSTEM_UID,
        form["channel_id"],
        form["channel_type"],
        form["payload"],
        client_msg_no=form["client_msg_no"],
        setting=0x02 if form["is_stream"] == 1 else 0,
        expire=form["expire"],
        subscribers=subscribers,
    )
    _with_flags(draft, form["header"])
    if subscribers:
        draft.channel_type = int(ChannelType.TEMP)
        _refuse_remote_temp_channel(call, draft)
    message = send_from_api(call.state, call.node_id, draft)
    if subscribers:
        return OK
    if form["is_stream"] == 1:
        call.state.events.sent(message.client_msg_no, message.from_uid, message.id, message.key)
    return {"data": {"client_msg_no": message.client_msg_no, "message_id": message.id}, "status": 200}


def _refuse_remote_temp_channel(call: Call, draft: Draft) -> None:
    """With a managerToken the node's own call to the temp channel's leader lacks the token."""
    leader = call.state.leader_of(draft.base_key[0])
    if call.state.settings.manager_token and leader != call.node_id and not draft.no_persist:
        raise Fail("请求设置临时频道的订阅者失败！")


@routes.add("POST", "/message/sendbatch")
async def send_batch(call: Call) -> object:
    if call.body.lstrip().startswith(b"["):
        raise Fail(_BATCH_GO_TYPE, content_type=TEXT)
    form = call.decode(SEND_BATCH, content_type=TEXT)
    if not form["from_uid"]:
        raise Fail("from_uid不能为空！")
    if not form["subscribers"]:
        raise Fail("subscribers不能为空！")
    if not form["payload"]:
        raise Fail("payload不能为空！")
    refused: list[str] = []
    for uid in form["subscribers"]:
        if has_forbidden(uid):
            refused.append(uid)
            continue
        draft = Draft(form["from_uid"], uid, int(ChannelType.PERSON), form["payload"])
        send_from_api(call.state, call.node_id, _with_flags(draft, form["header"]))
    return {"fail_uids": refused, "reason": ["频道ID不合法！"] * len(refused)}
