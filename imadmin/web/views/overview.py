"""The overview of a cluster: how it is and why, the way of a message, nodes, slots, what happened and was done."""

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from imadmin.clusters import access
from imadmin.directory.models import FlagRecord
from imadmin.directory.queries import records
from imadmin.gateway.types import ChannelRef
from imadmin.monitor import event_words, queries
from imadmin.web import overview_cards as cards
from imadmin.web import respond
from imadmin.web.message_words import url_of


@require_safe
def overview(request: HttpRequest, slug: str) -> HttpResponse:
    scope = access.enter(request, slug)
    seen = queries.overview(scope, again="again" in request.GET)
    own = records.own_records(scope)
    state = seen.state
    context = {
        "state": state,
        "failed": state.silent,
        "top": cards.top(slug, state),
        "path": cards.path(slug, seen),
        "nodes": cards.nodes(slug, seen),
        "map": cards.slot_map(state),
        "slot_counts": cards.slot_counts(state),
        "leaders": cards.leaders(state),
        "has_samples": not seen.hour["verdict"].is_empty,
        "events": [(row, event_words.words(row)) for row in seen.events],
        "actions": seen.actions,
        "is_part": respond.wants_fragment(request),
        "here": reverse("overview", args=[slug]),
        "records": own,
        "flagged": [(record, _url(slug, record)) for record in own.newest],
    }
    return respond.page_or_fragment(request, "pages/overview/overview.html", context, fragment="overview")


def _url(slug: str, record: FlagRecord) -> str:
    return url_of("channel", slug, ChannelRef(record.channel_id, record.channel_type))
