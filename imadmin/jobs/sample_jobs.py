"""The walk over a cluster's channels, as a job.  Sampling and rolling up are in builtin.py."""

from collections.abc import Mapping
from typing import Any

from imadmin.core.errors import gettext_noop
from imadmin.jobs.registry import job
from imadmin.jobs.run import Run


@job("channels.activity", title=gettext_noop("Look for busy channels"), lost="again", seconds=55, routine=True)
def channels_activity(run: Run) -> Mapping[str, Any] | None:
    """Some pages of the cluster's channels; the next run goes on where this one ended."""
    from imadmin.monitor import activity

    if run.cluster is None:
        return None
    report = activity.walk(run.cluster)
    return {
        "say": gettext_noop("%(read)s channels read, %(messages)s new messages in them"),
        "params": {"read": report.read, "messages": report.messages},
    }
