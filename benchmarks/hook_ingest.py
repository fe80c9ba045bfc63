"""Messages a second through the webhook's door into the archive, beside a plain insert of the same rows.

The product runs in a process of its own on one core; four callers on the other one send what a server sends: batches
of 100 by HTTP, each caller the next one when the last was answered.  What was answered 200 is counted in the archive.
Measured is the running product: its start is over when it has answered a page and taken the first few thousands.
"""

import base64
import json
import os
import random
import socket
import sqlite3
import threading
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import stage

MESSAGES = 60_000
WARM_UP = 6_000
BATCH = 100
CALLERS = 4
ROUNDS = 3
WANTED_RATE = 10_000
WANTED_RATIO = 0.30

_HAN = "我们今天明天看到这个商品退款红包返现谢谢客服什么时候可以收货物流地址电话多少一起吃饭好的没有问题请稍等账号密码忘记了怎么办"
_WORDS = [
    "the",
    "order",
    "refund",
    "please",
    "today",
    "tomorrow",
    "shipping",
    "address",
    "thanks",
    "hello",
    "where",
    "is",
    "my",
    "parcel",
    "call",
    "me",
    "back",
    "price",
    "ok",
]


@dataclass(frozen=True, slots=True)
class Ingest:
    """rate: messages a second through the door.  plain: the same rows a second into a plain table."""

    name: str
    rate: float
    plain: float
    stored: int
    note: str

    @property
    def ratio(self) -> float:
        return self.rate / self.plain

    @property
    def holds(self) -> bool:
        return self.rate >= WANTED_RATE and self.ratio >= WANTED_RATIO and self.stored == WARM_UP + MESSAGES

    def line(self) -> str:
        verdict = "holds" if self.holds else "MISSED"
        return (
            f"{self.name:<44} {self.rate:9.0f} messages/s  plain insert {self.plain:9.0f} /s  {self.ratio:5.2f}x  "
            f"(>= {WANTED_RATE} /s and >= {WANTED_RATIO:g}x; {verdict}; best of {ROUNDS})\n{'':<44} {self.note}"
        )


def run() -> Ingest:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    rows = corpus(WARM_UP + MESSAGES)
    bodies = [json.dumps(rows[start : start + BATCH]).encode() for start in range(0, len(rows), BATCH)]
    first, rest = bodies[: WARM_UP // BATCH], bodies[WARM_UP // BATCH :]
    cores = sorted(os.sched_getaffinity(0))
    rates, plains, stored = [], [], 0
    for number in range(ROUNDS):
        pk, path = _door(f"ingest{number}")
        os.sched_setaffinity(0, {cores[0]})  # a child inherits it
        with stage.served() as url:
            os.sched_setaffinity(0, set(cores[1:] or cores))
            with urllib.request.urlopen(f"{url}/", timeout=60):
                _send_all(url + path, first)
            rates.append(MESSAGES / _send_all(url + path, rest))
        os.sched_setaffinity(0, set(cores))
        stored = _stored(pk)
        plains.append(len(rows) / _plain(rows, Path(os.environ["IMADMIN_DATA_DIR"]) / f"plain{number}.sqlite3"))
    note = f"{MESSAGES} messages in calls of {BATCH}, {CALLERS} callers; {stored} of {len(rows)} in the archive"
    return Ingest("webhook to archive, one core", max(rates), max(plains), stored, note)


def corpus(count: int, seed: int = 1) -> list[dict[str, object]]:
    """Texts of 4 to 60 characters, half of them Chinese, in 500 channels from 2000 people, as the server tells them."""
    dice = random.Random(seed)
    seqs: dict[str, int] = {}
    rows = []
    for number in range(count):
        channel = f"group-{min(int(dice.expovariate(0.01)), 499)}"
        seqs[channel] = seqs.get(channel, 0) + 1
        if number % 2:
            text = "".join(dice.choices(_HAN, k=dice.randint(4, 40)))
        else:
            text = " ".join(dice.choices(_WORDS, k=dice.randint(1, 12)))
        payload = json.dumps({"type": 1, "content": text}, ensure_ascii=False).encode()
        message_id = (1_795_219_358_000 - 1_288_834_974_657 + number // 4 << 22) | 1 << 12 | number % 4
        rows.append({
            "header": {"no_persist": 0, "red_dot": 1, "sync_once": 0}, "setting": 0, "message_id": message_id,
            "message_idstr": str(message_id), "client_msg_no": f"{dice.getrandbits(128):032x}3",
            "message_seq": seqs[channel], "from_uid": f"user-{dice.randint(1, 2000)}", "channel_id": channel,
            "channel_type": 2, "expire": 0, "timestamp": 1_795_219_358 + number // 4000,
            "payload": base64.b64encode(payload).decode(),
        })  # fmt: skip
    return rows


def _door(slug: str) -> tuple[int, str]:
    from imadmin.archive.models import Archive
    from imadmin.clusters.models import Cluster
    from imadmin.live.hook_setup import open_unasked

    cluster = Cluster.objects.create(slug=slug, name=slug, api_url="http://127.0.0.1:9")
    Archive.objects.create(cluster=cluster, is_on=True)
    return cluster.pk, open_unasked(cluster, may_make=True)


def _send_all(url: str, bodies: list[bytes]) -> float:
    """Seconds until all were answered."""
    parts = urlsplit(url)
    waiting = iter(bodies)
    lock = threading.Lock()
    refused: list[bytes] = []

    def call() -> None:
        with socket.create_connection((parts.hostname, parts.port)) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                with lock:
                    body = next(waiting, None)
                if body is None:
                    return
                head = (
                    f"POST {parts.path}?event=msg.notify HTTP/1.1\r\nHost: {parts.netloc}\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                link.sendall(head.encode() + body)
                answer = link.recv(4096)
                while b"}" not in answer:
                    answer += link.recv(4096)
                if not answer.startswith(b"HTTP/1.1 200"):
                    refused.append(answer)

    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - started
    if refused:
        raise RuntimeError(f"{len(refused)} calls were refused: {refused[0]!r}")
    return seconds


def _stored(cluster_pk: int) -> int:
    from imadmin.archive import stores

    count = stores.engine_of(cluster_pk).totals().messages
    stores.close_all()
    return count


def _plain(rows: list[dict[str, object]], path: Path) -> float:
    """Seconds for the same rows into a table with the indexes that a chat table has, 500 a transaction."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute(
        "CREATE TABLE msg (id INTEGER PRIMARY KEY, seq INTEGER, channel TEXT, type INTEGER, sender TEXT, at INTEGER, "
        "client TEXT, payload BLOB)"
    )
    db.execute("CREATE INDEX by_channel ON msg (channel, type, seq)")
    db.execute("CREATE INDEX by_sender ON msg (sender, at)")
    db.execute("CREATE INDEX by_time ON msg (at)")
    values = [
        (row["message_id"], row["message_seq"], row["channel_id"], row["channel_type"], row["from_uid"],
         row["timestamp"], row["client_msg_no"], base64.b64decode(str(row["payload"])))
        for row in rows
    ]  # fmt: skip
    started = time.perf_counter()
    for start in range(0, len(values), 500):
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            "INSERT INTO msg VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", values[start : start + 500]
        )
        db.execute("COMMIT")
    seconds = time.perf_counter() - started
    db.close()
    return seconds
