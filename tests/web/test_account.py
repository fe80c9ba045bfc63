"""One's own account: preferences that hold, the quick buttons' cookies don't outvote them."""

from typing import Any

import pytest
from django.test import Client

from imadmin.accounts.models import User
from imadmin.clusters.models import Cluster
from tests.web.asking import error_beside

URL = "/settings/account/"
CHOICE = {"language": "zh-hans", "theme": "dark", "density": "comfortable", "timezone": "Asia/Shanghai"}


@pytest.fixture
def viewer(own_cluster: Cluster, client_of: Any) -> Client:
    client: Client = client_of(own_cluster, "viewer")
    return client


def test_choices_are_kept_and_seen_at_once(viewer: Client) -> None:
    viewer.cookies["imadmin_theme"] = "light"
    page = viewer.post(URL, CHOICE, follow=True).content.decode()
    assert '<html lang="zh-Hans"' in page and 'data-theme="dark"' in page and 'data-density="comfortable"' in page
    assert User.objects.get(username="viewer").timezone == "Asia/Shanghai"


@pytest.mark.parametrize("field", list(CHOICE))
def test_what_isnt_on_the_list_is_told_beside_its_field(viewer: Client, field: str) -> None:
    reply = viewer.post(URL, CHOICE | {field: "../../etc/passwd"})
    assert reply.status_code == 422 and error_beside(reply, field)
    assert User.objects.get(username="viewer").theme == ""


def test_the_roles_one_holds_are_shown(viewer: Client) -> None:
    assert "own: Viewer" in viewer.get(URL).content.decode()


def test_settings_start_where_one_may_go(own_cluster: Cluster, client_of: Any, viewer: Client) -> None:
    assert viewer.get("/settings/")["Location"] == URL
    assert client_of(own_cluster, "owner").get("/settings/")["Location"] == "/settings/clusters/"
