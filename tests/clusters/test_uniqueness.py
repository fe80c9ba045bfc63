"""What must be there once is there once, on SQLite too, where empty values differ from each other."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from imadmin.accounts.models import User
from imadmin.clusters.models import Grant
from imadmin.directory.models import Restriction


@pytest.mark.parametrize("everywhere", [True, False], ids=["everywhere", "one-cluster"])
def test_a_role_is_granted_once(cluster: Any, everywhere: bool) -> None:
    held = {
        "user": User.objects.create(username="ann"),
        "cluster": None if everywhere else cluster,
        "role": "viewer",
    }
    Grant.objects.create(**held)

    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(**held)


@pytest.mark.parametrize("where", [{}, {"channel_type": 2, "channel_id": "g"}], ids=["everywhere", "one-channel"])
def test_a_restriction_is_open_once(cluster: Any, where: dict[str, Any]) -> None:
    row = {"cluster": cluster, "kind": "stop_sending", "uid": "ann", "reason": "spam", "created_by": "x"} | where
    Restriction.objects.create(**row)

    with pytest.raises(IntegrityError), transaction.atomic():
        Restriction.objects.create(**row)
