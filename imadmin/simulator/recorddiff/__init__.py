"""`manage.py simulate --record-diff API`: a real server and the simulator, asked the same, and every difference."""

from .run import run

__all__ = ["run"]
