"""What a process of the tests does to begin a paced kick of everybody on a simulated cluster."""

from datetime import timedelta

from imadmin.clusters.access import enter_by_command
from imadmin.clusters.models import Cluster
from imadmin.core import crypto
from imadmin.core.aio import run
from imadmin.monitor.actions import kick, operations

operations.SILENT_AFTER = timedelta(seconds=2)  # of whoever carries an operation out


def begin(api_url: str, manager_url: str, per_second: str) -> str:
    """Plan and apply; answers the operation's id."""
    from imadmin.jobs import operations as steering

    Cluster.objects.create(
        slug="kicked", name="Kicked", api_url=api_url, manager_url=manager_url,
        sealed_token=crypto.seal("sim-token"), jwt_user="admin", sealed_jwt_password=crypto.seal("pwd"),
    )  # fmt: skip
    scope = enter_by_command("kicked")
    draft = kick.plan(scope, run(scope.gateway.connections()).rows, "everybody")
    steering.apply(scope, draft.pk, reason="half-open", per_second=int(per_second))
    return draft.pk
