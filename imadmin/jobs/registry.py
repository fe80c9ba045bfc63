"""Which jobs there are and how each wants to be treated.  Jobs themselves are thin: they call an action or a query.

Their functions are in builtin.py (and policies.py), because what they call lies below this layer and can't import it.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from imadmin.core.errors import NotFound, gettext_noop

if TYPE_CHECKING:
    from imadmin.clusters.models import Cluster
    from imadmin.jobs.run import Run

Work = Callable[["Run"], Mapping[str, Any] | None]
Lost = Literal["again", "tell"]

# Modules that register jobs when imported.
SOURCES = (
    "imadmin.jobs.builtin",
    "imadmin.jobs.policy.engine",
    "imadmin.jobs.sample_jobs",
    "imadmin.jobs.archive_jobs",
    "imadmin.jobs.exports",
)


@dataclass(frozen=True, slots=True)
class Job:
    """title: its name for people (msgid).  lost: what to do when the process that ran it died: take it up `again`
    (only for work that may safely be begun anew) or `tell`.

    most_at_once: queued and running ones of the same cluster, policy and `apart_by` parameters; None = any number.
    seconds: the deadline of one attempt.  attempts: how often it is taken up in all.
    routine: runs so often that only failures and the latest few are kept; never waits behind long ones.
    by_hand: a person may start it from the page, the API; takes: parameters it may be given then.
    site: it belongs to no cluster, so to owners.
    is_due: whether a schedule should start it for this cluster now; what isn't due leaves no row.
    """

    name: str
    work: Work
    title: str
    lost: Lost = "tell"
    most_at_once: int | None = 1
    apart_by: tuple[str, ...] = ()
    seconds: float = 3600.0
    attempts: int = 3
    routine: bool = False
    by_hand: bool = False
    takes: tuple[str, ...] = ()
    site: bool = False
    is_due: Callable[["Cluster"], bool] | None = None


_jobs: dict[str, Job] = {}
_loaded = False


def job(
    name: str,
    *,
    title: str,
    lost: Lost = "tell",
    most_at_once: int | None = 1,
    apart_by: tuple[str, ...] = (),
    seconds: float = 3600.0,
    attempts: int = 3,
    routine: bool = False,
    by_hand: bool = False,
    takes: tuple[str, ...] = (),
    site: bool = False,
    is_due: Callable[["Cluster"], bool] | None = None,
) -> Callable[[Work], Work]:
    """Register the function below as the job of that name.  It gets a `Run` and returns its result (JSON) or None.

    A result may tell itself in a sentence: {"say": msgid, "params": {...}, ...}; anything else is shown as figures.
    """

    def register(work: Work) -> Work:
        _jobs[name] = Job(
            name, work, title, lost, most_at_once, apart_by, seconds, attempts, routine, by_hand, takes, site,
            is_due,
        )  # fmt: skip
        return work

    return register


def forget(name: str) -> None:
    """Take a job out again: for tests."""
    _jobs.pop(name, None)


def known() -> dict[str, Job]:
    """All jobs by name."""
    global _loaded
    if not _loaded:
        _loaded = True
        for module in SOURCES:
            importlib.import_module(module)
    return _jobs


def find(name: str) -> Job:
    """Raises NotFound."""
    found = known().get(name)
    if found is None:
        raise NotFound(gettext_noop("There is no job “%(job)s”."), params={"job": name})
    return found


def title_of(name: str) -> str:
    """The title (msgid) of a job, its name where this version doesn't know it any more."""
    found = known().get(name)
    return found.title if found else name
