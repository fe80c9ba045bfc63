"""The baseline: what a Django view costs that makes the same upstream call and renders a plain table, nothing else."""

import os

import httpx
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
