"""The archive against a real cluster, at size: writes messages by clients and by the API, then counts and searches.

    python -m tests.contract.archive_proof write --messages 100000 --run r1
    python -m tests.contract.archive_proof compare SLUG     (in the environment of the dashboard that was fed)

The server is named by IMADMIN_TEST_WUKONGIM_*; for `compare` it is the cluster SLUG of the dashboard's own database.
`compare` reads every message of the server channel by channel and decides each search by the tests' own oracle.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.contract.clients import LiveClient

PREFIX = "IMADMIN_TEST_WUKONGIM_"
_ZH = (
    "退款 订单 快递 发票 会员 红包 返现 客服 审核 支付 到账 地址 电话 优惠 活动 课程 报名 老师 学生 作业 会议 通知 图片 视频 "
    "今天 明天 昨天 下午 上午 马上 已经 没有 可以 不行 谢谢 你好 再见 收到 麻烦 帮忙 看看 多少 什么 怎么 为什么 哪里 我们 他们 "
    "天气 北京 上海 广州 深圳 杭州 成都 手机 电脑 网络 账号 密码 登录 升级 测试 服务器 错误 失败 成功 重试"
)
_EN = (
    "refund order delivery invoice member coupon account password login error failed success retry server network "
    "meeting notes today tomorrow please thanks hello bye picture video address phone number update release test build "
    "deploy review merge branch ticket support customer payment pending received why where when how"
)
WORDS_ZH, WORDS_EN = _ZH.split(), _EN.split()
RARE = ("云南海鲜节", "zebrafinch", "鯨凳", "ＲｅＦｕＮＤ", "退\u200b款", "xq7zv-edge")
# What is asked of the archive; each is decided by reading the whole server too.
SEARCHES = (
    "云南海鲜节", "zebrafinch", "鲸凳", "退款", "refund", "红包 返现", '"红包返现"', "支付 error", "xq7zv", "退款 -refund",
    "云南海鲜节 OR zebrafinch", "type:image", "type:image 截图", "from:{sender} 订单", "in:group:{group}",
    "in:group:{group} 支付", "in:person:{one},{two}", "in:{prefix}* 快递 -from:{sender}", "is:system", "has:link after:-1d",
)  # fmt: skip


@dataclass
class Stage:
    """apis, sockets: of every node.  run: part of all names, so that a used cluster serves again."""

    apis: list[str]
    sockets: list[str]
    token: str
    run: str
    seed: int = 1
    groups: int = 220
    chats: int = 140
    others: int = 40
    people: int = 90
    clients: list[LiveClient] = field(default_factory=list)

    @classmethod
    def of_environment(cls, run: str) -> Stage:
        def named(name: str) -> str:
            return os.environ.get(PREFIX + name, "")

        apis = [part for part in named("NODE_APIS").split(",") if part] or [named("API")]
        sockets = [part for part in named("NODE_WS").split(",") if part] or [named("WS")]
        return cls(apis, sockets, named("TOKEN"), run)

    def uid(self, number: int) -> str:
        return f"p{self.run}-{number}"

    def group(self, number: int) -> str:
        return f"g{self.run}-{number}"

    def members(self, group: int) -> list[int]:
        rng = random.Random(f"{self.seed}/{group}")
        return rng.sample(range(self.people), 4)

    def pair(self, number: int) -> tuple[int, int]:
        rng = random.Random(f"{self.seed}/pair/{number}")
        one, two = rng.sample(range(self.people), 2)
        return one, two


def _text(rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.0006:
        return f"{rng.choice(WORDS_ZH)}{rng.choice(RARE)}{rng.choice(WORDS_ZH)}"
    if draw < 0.68:
        return "".join(rng.choices(WORDS_ZH, k=rng.randint(1, 14)))
    if draw < 0.86:
        return " ".join(rng.choices(WORDS_EN, k=rng.randint(1, 12)))
    if draw < 0.97:
        return " ".join((*rng.choices(WORDS_ZH, k=rng.randint(1, 5)), *rng.choices(WORDS_EN, k=rng.randint(1, 4))))
    return f"{rng.choice(WORDS_ZH)} https://shop{rng.randint(1, 90)}.example.com/a?u={rng.randint(1, 999)}"


def _payload(rng: random.Random) -> bytes:
    kind, text = rng.random(), _text(rng)
    if kind < 0.93:
        body: dict[str, Any] = {"type": 1, "content": text}
    elif kind < 0.97:
        body = {"type": 2, "url": "a/b.png", "width": 20, "height": 20, "caption": f"截图 {text}"}
    elif kind < 0.985:
        body = {"type": 8, "name": f"{text[:20]}.pdf", "url": "a/c", "size": 1234}
    elif kind < 0.995:
        body = {"type": 1002, "content": "{0} invited {1}", "extra": [{"name": "ann"}, {"name": text[:6]}]}
    else:
        return rng.choice((b"\xff\xfe\x00broken", "没有 JSON".encode(), b"{not json"))
    return json.dumps(body, ensure_ascii=False).encode()


async def write(stage: Stage, messages: int, rate: float, api_share: float) -> None:
    """Raises nothing for single refusals: what the server answered is counted and printed."""
    async with httpx.AsyncClient(headers={"token": stage.token} if stage.token else {}, timeout=20) as http:
        await _make_groups(stage, http)
        stage.clients = [
            await LiveClient(stage.sockets[n % len(stage.sockets)], stage.uid(n)).open() for n in range(stage.people)
        ]
        counts = {"api": 0, "client": 0, "refused": 0}
        queue: asyncio.Queue[int] = asyncio.Queue(maxsize=200)
        workers = [asyncio.create_task(_send_all(stage, http, queue, counts, api_share)) for _ in range(24)]
        began = time.monotonic()
        for number in range(messages):
            await queue.put(number)
            ahead = (number + 1) / rate - (time.monotonic() - began)
            if ahead > 0.05:
                await asyncio.sleep(ahead)
        await queue.join()
        for worker in workers:
            worker.cancel()
        seconds = time.monotonic() - began
        for client in stage.clients:
            await client.close()
    print(f"{messages} messages in {seconds:.0f} s: {counts}", flush=True)


async def _make_groups(stage: Stage, http: httpx.AsyncClient) -> None:
    for number in range(stage.groups):
        body = {
            "channel_id": stage.group(number),
            "channel_type": 2,
            "subscribers": [stage.uid(member) for member in stage.members(number)],
        }
        reply = await http.post(f"{stage.apis[number % len(stage.apis)]}/channel", json=body)
        reply.raise_for_status()


async def _send_all(
    stage: Stage, http: httpx.AsyncClient, queue: asyncio.Queue[int], counts: dict[str, int], api_share: float
) -> None:
    while True:
        number = await queue.get()
        try:
            await _send(stage, http, number, counts, api_share)
        except (TimeoutError, OSError, httpx.HTTPError, KeyError) as error:
            counts["refused"] += 1
            print(f"message {number}: {type(error).__name__} {error}", flush=True)
        finally:
            queue.task_done()


async def _send(stage: Stage, http: httpx.AsyncClient, number: int, counts: dict[str, int], api_share: float) -> None:
    rng = random.Random(f"{stage.seed}/{stage.run}/{number}")
    payload, place = _payload(rng), rng.random()
    is_api = rng.random() < api_share
    if place < 0.62:  # the busiest group gets about 2 %
        group = min(int(rng.paretovariate(0.35)) - 1, stage.groups * 40) % stage.groups
        sender, target, kind = rng.choice(stage.members(group)), stage.group(group), 2
    elif place < 0.95:
        one, two = stage.pair(rng.randrange(stage.chats))
        sender, other = rng.choice(((one, two), (two, one)))
        target, kind = stage.uid(other), 1
    else:
        sender, target, kind = rng.randrange(stage.people), f"s{stage.run}-{rng.randrange(stage.others)}", 3
    if is_api:
        body = {
            "from_uid": stage.uid(sender), "channel_id": target, "channel_type": kind,
            "payload": base64.b64encode(payload).decode(), "client_msg_no": uuid.UUID(int=rng.getrandbits(128)).hex,
        }  # fmt: skip
        reply = await http.post(f"{stage.apis[number % len(stage.apis)]}/message/send", json=body)
        counts["api" if reply.status_code == 200 else "refused"] += 1
        return
    answer = await stage.clients[sender]._call("send", {
        "channelId": target, "channelType": kind, "clientMsgNo": uuid.UUID(int=rng.getrandbits(128)).hex,
        "payload": base64.b64encode(payload).decode()})  # fmt: skip
    counts["client" if answer["result"]["reasonCode"] == 1 else "refused"] += 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("write")
    writing.add_argument("--messages", type=int, default=100_000)
    writing.add_argument("--rate", type=float, default=1000)
    writing.add_argument("--api-share", type=float, default=0.6)
    writing.add_argument("--run", required=True)
    comparing = commands.add_parser("compare")
    comparing.add_argument("slug")
    comparing.add_argument("--run", required=True)
    given = parser.parse_args()
    if given.command == "write":
        asyncio.run(write(Stage.of_environment(given.run), given.messages, given.rate, given.api_share))
        return
    from tests.contract.archive_compare import compare

    compare(given.slug, Stage.of_environment(given.run), SEARCHES)


if __name__ == "__main__":
    main()
