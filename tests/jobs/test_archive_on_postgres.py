"""`manage.py archive backfill` into a PostgreSQL, killed in the middle: the same story as with a file.

It takes a minute, and only the store differs from the story with a file: it runs when a size is asked for.
"""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.jobs import site as sites
from tests.jobs import test_archive_command as story
from tests.jobs.test_archive_command import folder, manage, site  # noqa: F401 - fixtures
from tests.postgres_process import PostgresProcess
from tests.sizes import KILLED_MESSAGES, killed_messages

pytestmark = [
    pytest.mark.skipif(not os.environ.get(KILLED_MESSAGES), reason=f"{KILLED_MESSAGES} is not set: a long one"),
    pytest.mark.timeout(1800),
]
CHANNELS = killed_messages(20 * story.EACH) // story.EACH  # by itself less than the story: enough to be killed twice in


@pytest.fixture(autouse=True)
def url(postgres_server: PostgresProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The story's processes keep their archive in a database of their own."""
    with psycopg.connect(postgres_server.url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE killed")
        url = postgres_server.url.rsplit("/", 1)[0] + "/killed"

        def stored(folder: Path) -> Counter[int]:
            with psycopg.connect(url) as connection:
                if connection.execute("SELECT to_regclass('imadmin_archive_1.msg')").fetchone() == (None,):
                    return Counter()
                return Counter(row[0] for row in connection.execute("SELECT id FROM imadmin_archive_1.msg"))

        monkeypatch.setattr(story, "CHANNELS", CHANNELS)
        monkeypatch.setattr(story, "MESSAGES", CHANNELS * story.EACH)
        monkeypatch.setattr(story, "stored", stored)
        monkeypatch.setattr(
            story, "environment", lambda folder: sites.environment(folder) | {"IMADMIN_ARCHIVE_URL": url}
        )
        yield url
        admin.execute("DROP DATABASE killed WITH (FORCE)")


def test_killed_in_the_middle_again_and_again_it_loses_and_doubles_nothing(
    site: Counter[int],  # noqa: F811
    folder: Path,  # noqa: F811
    manage: Any,  # noqa: F811
) -> None:
    story.test_killed_in_the_middle_again_and_again_it_loses_and_doubles_nothing(site, folder, manage)
    assert not list(folder.rglob("archive*/*.sqlite3"))
