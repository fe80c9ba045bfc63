"""The overview of a cluster: who answers, what they say, what we hold, what was done last."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from imadmin.clusters import access
from imadmin.directory.models import FlagRecord
from imadmin.directory.queries import records
from imadmin.gateway.types import ChannelRef
from imadmin.monitor import queries
from imadmin.web import respond
from imadmin.web.message_words import url_of


@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug)
    own = records.own_records(scope)
    context = {
        "nodes": queries.nodes(scope),
        "is_part": respond.wants_fragment(request),
        "records": own,
        "flagged": [(record, _url(slug, record)) for record in own.newest],
        "actions": queries.last_actions(scope),
    }
    return respond.page_or_fragment(request, "pages/overview/overview.html", context, fragment="overview")


def _url(slug: str, record: FlagRecord) -> str:
    return url_of("channel", slug, ChannelRef(record.channel_id, record.channel_type))
