import logging
from functools import partial
from typing import Any

from django.apps import AppConfig
from django.db import transaction
from django.db.models.signals import post_delete

logger = logging.getLogger(__name__)


class ArchiveConfig(AppConfig):
    name = "imadmin.archive"

    def ready(self) -> None:
        from imadmin.clusters.models import Cluster

        post_delete.connect(_cluster_gone, sender=Cluster, dispatch_uid="archive.cluster_gone")


def _cluster_gone(instance: Any, **_: Any) -> None:
    transaction.on_commit(partial(_drop, instance.pk), robust=True)


def _drop(cluster_pk: int) -> None:
    """The cluster is forgotten either way; a store that can't be deleted now is told in the log."""
    from imadmin.archive import stores
    from imadmin.archive.engines.base import StoreUnavailable

    try:
        stores.drop(cluster_pk)
    except (StoreUnavailable, OSError) as error:
        logger.error("archive.not_dropped", extra={"cluster": cluster_pk, "error": type(error).__name__})
