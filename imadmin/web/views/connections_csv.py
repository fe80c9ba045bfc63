"""The connections that match, as a file for a spreadsheet."""

import csv
from collections.abc import Iterable, Iterator

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from imadmin.clusters import access
from imadmin.core.spreadsheet import guarded
from imadmin.gateway.connection_types import ConnectionRow
from imadmin.monitor import connections as queries
from imadmin.web import respond
from imadmin.web.forms.connections import FilterForm


class _Line:
    """csv wants a file; it gets the line back."""

    def write(self, text: str) -> str:
        return text


@require_GET
def export(request: HttpRequest, slug: str) -> HttpResponseBase:
    """All that match, whatever page one is on; nodes that are missing are named in the first lines."""
    scope = access.enter(request, slug)
    form = FilterForm(request.GET)
    if not form.is_valid():
        return respond.redirect(request, f"{reverse('connections', args=[slug])}?{request.GET.urlencode()}")
    rows = queries.select(scope, form.wanted)
    found = queries.snapshot(scope)
    notes = [["as_of", found.as_of.isoformat()], *(["missing", failure.node] for failure in found.failed)]
    response = StreamingHttpResponse(_lines(notes, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="connections-{slug}.csv"'
    return response


def _lines(notes: Iterable[list[str]], rows: Iterable[ConnectionRow]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield "\ufeff"  # so that spreadsheets read it as UTF-8
    for note in notes:
        yield writer.writerow(["#", *map(guarded, note)])
    yield writer.writerow(ConnectionRow._fields)
    for row in rows:
        yield writer.writerow(map(guarded, row))
