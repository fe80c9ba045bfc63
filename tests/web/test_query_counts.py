"""How many SQL queries a page needs: the numbers are kept here, so that one query a row is a failing test."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from imadmin.accounts.models import ApiToken, User
from imadmin.archive.models import Export, SavedSearch
from imadmin.audit.record import Actor, Target, recorded
from imadmin.clusters.models import Grant
from imadmin.jobs.models import JobRun
from tests.factories import store_cluster

# Most queries a page may make once the session is warm.
MOST = {
    "/c/demo/": 13,
    "/c/demo/events/": 7,
    "/c/demo/messages/": 14,
    "/c/demo/messages/?q=hello+in:group": 14,
    "/c/demo/messages/narrow/?q=hello": 6,  # one tells the history how many there were
    "/c/demo/messages/suggest/?typed=from:a": 6,
    "/c/demo/messages/server/": 10,
    "/c/demo/messages/saved/": 9,
    "/c/demo/messages/saved/panel/": 7,
    "/c/demo/messages/exports/": 8,
    "/c/demo/tail/": 13,
    "/c/demo/messages/spread/": 5,
    "/c/demo/messages/completeness/": 9,
    "/c/demo/channels/": 5,
    "/c/demo/users/": 6,
    "/c/demo/connections/feed/": 7,
    "/c/demo/connections/webhook/": 8,
    "/c/demo/nodes/": 6,
    "/c/demo/nodes/1001/": 8,
    "/c/demo/slots/?slot=3": 12,
    "/c/demo/slots/3/": 9,
    "/c/demo/operations/": 8,
    "/c/demo/jobs/": 12,
    "/c/demo/stats/": 14,
    "/audit/": 8,
    "/settings/clusters/": 5,
    "/settings/people/": 6,
    "/settings/tokens/": 8,
    "/settings/account/": 5,
}


@pytest.fixture
def crowd(cluster: Any) -> None:
    """Enough rows on every page for one query a row to show."""
    for number in range(20):
        user = User.objects.create(username=f"person{number}")
        Grant.objects.create(user=user, cluster=cluster, role="viewer")
        token = ApiToken.objects.create(name=f"t{number}", hash=str(number), tail="abcd", created_by="owner")
        Grant.objects.create(token=token, cluster=cluster, role="viewer")
        store_cluster(SimpleNamespace(nodes=[SimpleNamespace(api_url="http://127.0.0.1:9", manager_url="http://127.0.0.1:9")]),
                      slug=f"c{number}")  # fmt: skip
        SavedSearch.objects.create(cluster=cluster, owner=user, name="x", query=f"from:u{number}", is_shared=True)
        Export.objects.create(id=f"e{number}", cluster=cluster, owner=user, up_to_rid=1, format="csv", cap=1)
        JobRun.objects.create(id=f"r{number}", job="sample", cluster=cluster, state="failed", trigger="schedule")
        with recorded(Actor("user", "owner", "page"), "channel.deny", Target("channel", "2/g"), "spam", cluster="demo"):
            pass


@pytest.mark.parametrize("address", MOST)
def test_a_page_keeps_to_its_number_of_queries(
    cluster: Any, crowd: None, client_of: Callable[..., Any], address: str
) -> None:
    client = client_of(cluster, "owner")
    client.get(address)

    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200

    assert len(queries) <= MOST[address], "\n".join(query["sql"][:160] for query in queries)
