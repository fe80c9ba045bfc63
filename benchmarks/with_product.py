"""The stage of the two web figures: a simulated cluster with 60 channel records, the product, a token, a signed-in client."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from benchmarks import stage


@dataclass(frozen=True, slots=True)
class Stage:
    upstream: httpx.Client
    product: httpx.Client
    token: str


@contextmanager
def stage_with_product(*, slots: int = 0) -> Iterator[Stage]:
    """slots: how many the cluster has; 0 = as its world has."""
    from django.core.management import call_command

    with stage.simulated(["--world", "demo", *(["--slots", str(slots)] if slots else [])]) as sim:
        os.environ["BENCH_API"] = sim.apis[0]
        os.environ["BENCH_TOKEN"] = stage.TOKEN
        call_command("migrate", verbosity=0)
        token = make_rows(sim)
        with stage.served() as url, httpx.Client(headers={"token": stage.TOKEN}, timeout=30) as upstream:
            with httpx.Client(base_url=url, timeout=30) as product:
                _sign_in(product)
                yield Stage(upstream, product, token)


def make_rows(sim: stage.Simulated) -> str:
    """A cluster row, an owner, a token."""
    from imadmin.accounts.models import ApiToken, User
    from imadmin.clusters.models import Cluster, Grant
    from imadmin.core import crypto

    cluster, _ = Cluster.objects.update_or_create(
        slug="bench",
        defaults={
            "name": "Bench",
            "api_url": sim.apis[0],
            "manager_url": sim.manager,
            "sealed_token": crypto.seal(stage.TOKEN),
            "jwt_user": "admin",
            "sealed_jwt_password": crypto.seal("pwd"),
        },
    )
    owner, _ = User.objects.get_or_create(username="bench", is_owner=True)
    owner.set_password("bench password")
    owner.save()
    token = crypto.new_token("ima")
    ApiToken.objects.filter(name="bench").delete()
    row = ApiToken.objects.create(name="bench", hash=crypto.token_hash(token), tail=token[-4:], created_by="bench")
    Grant.objects.create(token=row, cluster=cluster, role="admin")
    return token


def _sign_in(client: httpx.Client) -> None:
    page = client.get("/accounts/login/")
    marker = page.text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    reply = client.post(
        "/accounts/login/", data={"login": "bench", "password": "bench password", "csrfmiddlewaretoken": marker}
    )
    assert reply.status_code == 302, reply.status_code
