"""Wishes for exports by the same person at the same moment, on a database of its own.  Prints how each ended."""

import threading

import django

WISHES = 6


def main() -> None:
    django.setup()
    from django.db import connection

    from imadmin.archive.models import Archive
    from imadmin.clusters import access
    from imadmin.core.errors import Conflict
    from imadmin.jobs import exports, registry
    from tests.archive.filling import Filling, quiet_cluster
    from tests.factories import make_cast

    registry.known()
    cluster = quiet_cluster()
    Archive.objects.create(cluster=cluster, is_on=True)
    Filling(cluster).put("x")
    person = make_cast(cluster)["moderator"]
    scope = access.enter_for(person, cluster)
    at_once = threading.Barrier(WISHES)
    ends: list[str] = []

    def wish(number: int) -> None:
        at_once.wait(20)
        try:
            exports.begin(scope, q=f"from:u{number}", reason="all at once")
            ends.append("taken")
        except Conflict:
            ends.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=wish, args=(number,)) for number in range(WISHES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(" ".join(sorted(ends)))


if __name__ == "__main__":
    main()
