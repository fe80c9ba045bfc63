"""What a process of the tests does about exports: begins some, stands still in the middle of each, fetches them."""

import json
import time
from collections.abc import Iterator
from typing import Any

from imadmin.archive import export_run, exports
from imadmin.archive.models import Archive
from imadmin.clusters import access
from imadmin.clusters.models import Cluster
from imadmin.config import config
from imadmin.core.errors import AppError

MESSAGES, STANDS_AT = 1000, 5
WORDS = "退款 " * 60


def stand_still() -> None:
    """From now on each export of this process waits in its middle until it may go on."""
    pieces = export_run._pieces

    def standing_still(*asked: Any) -> Iterator[Any]:
        for number, piece in enumerate(pieces(*asked)):
            while number == STANDS_AT and not (config.data_dir / "go").exists():
                time.sleep(0.02)
            yield piece

    export_run.PIECE = 100
    export_run._pieces = standing_still


def begin() -> str:
    """One with bodies, one masked; answers their ids."""
    from imadmin.jobs import exports as steering
    from tests.archive.filling import Filling, quiet_cluster
    from tests.factories import make_cast

    cluster = quiet_cluster()
    Archive.objects.create(cluster=cluster, is_on=True)
    Filling(cluster).put_all((f"{number} {WORDS}", {}) for number in range(MESSAGES))
    cast = make_cast(cluster)
    ids = [
        steering.begin(access.enter_for(cast[role], cluster), q="", reason="asked for", format="jsonl")[0].pk
        for role in ("moderator", "admin")
    ]
    return " ".join(ids)


def fetch(export_id: str) -> str:
    """What its owner gets: the name of a refusal, or how many lines, different messages and texts there are."""
    cluster = Cluster.objects.get()
    row = exports.Export.objects.get(pk=export_id)
    try:
        with exports.open_file(access.enter_for(row.principal, cluster), export_id)["opened"] as file:
            lines = [json.loads(line) for line in file.read().decode().split("\n") if line]
    except AppError as error:
        return type(error).__name__
    texts = sum(1 for line in lines if line["text"])
    return f"{len(lines)} {len({line['message_id'] for line in lines})} {texts}"
