"""How many exports of one person may be under way holds for wishes at the same moment too."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.jobs.site import PATIENCE, ROOT, environment


def test_of_wishes_at_the_same_moment_no_more_than_three_are_taken(tmp_path: Path, empty_database: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(empty_database.parent, folder)
    done = subprocess.run(
        [sys.executable, "-m", "tests.jobs.exports_at_once"], cwd=ROOT, env=environment(folder), capture_output=True,
        text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.stdout.split() == ["refused"] * 3 + ["taken"] * 3, done.stderr
