"""Which files of tests begin first when several workers share them.

A file goes to one worker as a whole, those with many tests first.  Files with few long tests would so come last, and
keep one worker busy while the others have nothing left to do.
"""

from typing import Any

from xdist.scheduler import LoadFileScheduling

LONGEST = (
    "tests/jobs/test_processes.py",
    "tests/live/test_modes.py",
    "tests/jobs/test_archive_command.py",
    "tests/test_permission_matrix.py",
    "tests/jobs/test_paced_kick.py",
    "tests/test_up.py",
    "tests/api/test_openapi.py",
    "tests/live/test_feed_killed.py",
    "tests/jobs/test_export_killed.py",
    "tests/jobs/test_exports_at_once.py",
)


class LongestAhead(LoadFileScheduling):
    def _assign_work_unit(self, node: Any) -> None:
        waiting = next((scope for scope in LONGEST if scope in self.workqueue), None)
        if waiting:
            self.workqueue.move_to_end(waiting, last=False)
        super()._assign_work_unit(node)
