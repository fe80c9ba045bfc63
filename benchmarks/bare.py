"""The baseline: what a Django view costs that makes the same upstream call and renders a plain table, nothing else."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine

_client = httpx.Client(headers={"token": os.environ.get("BENCH_TOKEN", "")}, timeout=10)
_template = Engine(autoescape=True).from_string(
    "<!doctype html><html><body><table>{% for row in rows %}<tr><td>{{ row.channel_id }}</td><td>{{ row.channel_type }}"
    "</td><td>{{ row.subscriber_count }}</td><td>{{ row.denylist_count }}</td><td>{{ row.allowlist_count }}</td>"
    "<td>{{ row.last_msg_seq }}</td><td>{{ row.last_msg_time_format }}</td><td>{{ row.slot }}</td></tr>{% endfor %}"
    "</table></body></html>"
)


_slots = Engine(autoescape=True).from_string(
    "<!doctype html><html><body><table>{% for row in rows %}<tr><td>{{ row.id }}</td><td>{{ row.leader_id }}</td>"
    "<td>{{ row.term }}</td><td>{{ row.log_index }}</td><td>{{ row.status }}</td></tr>{% endfor %}</table></body></html>"
)


def slots(_request: HttpRequest) -> HttpResponse:
    ids = ",".join(map(str, range(1024)))
    reply = _client.get(f"{os.environ['BENCH_API']}/cluster/slots", params={"ids": ids})
    return HttpResponse(_slots.render(Context({"rows": reply.json()})))


def channels(_request: HttpRequest) -> HttpResponse:
    reply = _client.get(f"{os.environ['BENCH_API']}/cluster/channels", params={"limit": 50})
    return HttpResponse(_template.render(Context({"rows": reply.json()["data"]})))


_messages = Engine(autoescape=True).from_string(
    "<!doctype html><html><body><table>{% for row in rows %}<tr><td>{{ row.0 }}</td><td>{{ row.1 }}</td>"
    "<td>{{ row.2.content }}</td><td>{{ row.3 }}</td><td>{{ row.4 }}</td></tr>{% endfor %}</table></body></html>"
)
_NEWEST = """SELECT m.at, s.uid, m.payload, c.cid, m.seq FROM msg m JOIN chan c ON c.id = m.chan
    JOIN sender s ON s.id = m.sender ORDER BY m.rid DESC LIMIT 50"""


def messages(_request: HttpRequest) -> HttpResponse:
    """Fifty messages straight from the archive's file."""
    path = next(Path(settings.ARCHIVE_DIR).glob("*.sqlite3"))
    with closing(sqlite3.connect(path)) as db:
        rows = [(at, uid, json.loads(body), cid, seq) for at, uid, body, cid, seq in db.execute(_NEWEST)]
    return HttpResponse(_messages.render(Context({"rows": rows})))
