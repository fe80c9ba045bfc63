"""Saved searches and exports as JSON."""

from datetime import datetime
from typing import Literal

from django.utils.translation import gettext
from pydantic import Field

from imadmin.api.schemas.archive_search import ArchivedOut
from imadmin.api.schemas.common import In, Out, PartialOut, Reason
from imadmin.archive.exports import ExportView
from imadmin.archive.saved import Saved
from imadmin.archive.saved_feed import Fed

Query = Field(description="as in the search box", max_length=2000)


class SavedIn(In):
    name: str = Field(max_length=80)
    query: str = Query
    is_shared: bool = Field(False, description="all who may search this cluster see it")


class SavedChangeIn(In):
    """What is left out stays as it is."""

    name: str | None = Field(None, max_length=80)
    query: str | None = Field(None, description="as in the search box", max_length=2000)
    is_shared: bool | None = None


class SavedOut(Out):
    """query: null when its words are hidden from this role.  mine: kept by the token that asks."""

    id: int
    name: str
    query: str | None
    query_hidden: bool
    owner: str
    mine: bool
    is_shared: bool
    may_change: bool
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, saved: Saved) -> "SavedOut":
        return cls(
            id=saved.id,
            name=saved.name,
            query=saved.query,
            query_hidden=saved.is_hidden,
            owner=saved.owner,
            mine=saved.is_mine,
            is_shared=saved.is_shared,
            may_change=saved.may_change,
            created_at=saved.created_at,
            updated_at=saved.updated_at,
        )


class FeedOut(Out):
    """Oldest first.  next_cursor: give it back as `after`.  is_behind: there is more already, ask again at once."""

    items: list[ArchivedOut]
    next_cursor: str
    partial: list[PartialOut] = []
    as_of: datetime
    is_behind: bool

    @classmethod
    def of(cls, fed: Fed) -> "FeedOut":
        return cls(
            items=[ArchivedOut.of(each) for each in fed.items],
            next_cursor=fed.next_cursor,
            as_of=fed.as_of,
            is_behind=fed.is_behind,
        )


class ExportIn(In):
    query: str = Field("", description="as in the search box; empty for every message", max_length=2000)
    format: Literal["csv", "jsonl"] = "csv"
    has_bom: bool = Field(False, description="for CSV: begin with a byte order mark")
    zone: str = Field("UTC", description="of dates in the query and of times in the file", max_length=64)
    reason: Reason


class ExportOut(Out):
    """state: waiting | running | ready | failed | stopped | expired.  rows: written so far.

    cut: there are more matches than `cap`; the file's last line says so too.  bodies: they are in the file.
    query: null when its words are hidden from this role.  run: of the job that writes it.
    """

    id: str
    query: str | None
    owner: str
    mine: bool
    zone: str
    format: str
    has_bom: bool
    bodies: bool
    cap: int
    reason: str
    state: str
    rows: int
    bytes: int
    cut: bool
    error: str
    created_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    downloads: int
    run: str

    @classmethod
    def of(cls, view: ExportView) -> "ExportOut":
        return cls(
            id=view.id,
            query=view.query,
            owner=view.owner,
            mine=view.is_mine,
            zone=view.zone,
            format=view.format,
            has_bom=view.has_bom,
            bodies=view.is_open,
            cap=view.cap,
            reason=view.reason,
            state=view.state,
            rows=view.rows,
            bytes=view.bytes,
            cut=view.is_cut,
            error=gettext(view.error) if view.error else "",
            created_at=view.created_at,
            ready_at=view.ready_at,
            expires_at=view.expires_at,
            downloads=view.downloads,
            run=view.job_run,
        )
