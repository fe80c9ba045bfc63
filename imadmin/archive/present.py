"""Up to where a cluster's messages are of the present.  Marks of feeds, tails and "new since" stay within it.

A message whose clock is wrong may be dated in any year: a mark that followed it would hide all that come after.
"""

import time

from imadmin.archive.engines.base import RID_MAX, RID_SHIFT
from imadmin.archive.models import Archive

AHEAD = 60  # seconds that a server's clock may be ahead of ours before a message counts as of another time
# A lag further below zero is one message with a wrong clock, not a server that is ahead as a whole.
AHEAD_MOST = 600
BEHIND_MOST = 86_400.0


def present_rid(cluster_pk: int, *, slack: int = AHEAD) -> int:
    """The end of the present as a rid.  slack: seconds more than the clock tells; negative to wait for late ones."""
    return min(RID_MAX, max(0, int(time.time() + slack + _ahead(cluster_pk))) << RID_SHIFT)


def behind(cluster_pk: int) -> float:
    """Seconds that messages of the present may be dated back: the server's clock, or a feed that catches up."""
    lag = Archive.objects.filter(pk=cluster_pk).values_list("feed_lag", flat=True).first() or 0.0
    return min(max(lag, 0.0), BEHIND_MOST)


def _ahead(cluster_pk: int) -> float:
    """A server whose clock is ahead of ours is seen by the feed's lag, which is negative then."""
    lag = Archive.objects.filter(pk=cluster_pk).values_list("feed_lag", flat=True).first() or 0.0
    return -lag if -AHEAD_MOST <= lag < 0 else 0.0
