"""The overview of a cluster: who answers, what they say, what we hold, what was done last."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from imadmin.clusters import access
from imadmin.directory.queries import records
from imadmin.monitor import queries
from imadmin.web import respond


@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug)
    context = {
        "nodes": queries.nodes(scope),
        "records": records.own_records(scope),
        "actions": queries.last_actions(scope),
    }
    return respond.page_or_fragment(request, "pages/overview/overview.html", context, fragment="overview")
