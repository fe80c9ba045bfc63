"""The permalink of one message: its conversation, its payload, its sender, and the reveal of a masked body."""

from dataclasses import dataclass, field, replace

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from imadmin.accounts.permissions import Permission
from imadmin.archive import actions, payloads, queries
from imadmin.archive.masking import BodyAccess, ShownMessage
from imadmin.archive.queries import MessagePage
from imadmin.clusters import access
from imadmin.clusters.access import Scope
from imadmin.gateway.types import ChannelRef
from imadmin.web import cells, message_query, respond
from imadmin.web import message_words as words
from imadmin.web.forms.ends import EndFields
from imadmin.web.forms.messages import AroundForm, RevealForm
from imadmin.web.message_links import is_fed, messages_url
from imadmin.web.messages_show import marks
from imadmin.web.views.spread import spread_url

TEMPLATE = "pages/messages/message.html"
LINE_MOST = 240  # characters, about six lines on a phone
LINES_MOST = 6


@require_safe
def permalink(request: HttpRequest, slug: str, message_id: int) -> HttpResponse:
    scope = access.enter(request, slug, Permission.SEARCH_MESSAGES)
    page = queries.permalink(scope, message_id)
    show_all = request.GET.get("all") == "1"
    return respond.page(request, TEMPLATE, _context(request, scope, page, RevealForm(), show_all=show_all))


@respond.form_of("message")
def reveal(request: HttpRequest, slug: str, message_id: int) -> HttpResponse:
    """The permalink with this one body open, in this answer only: the next look asks for a reason again."""
    scope = access.enter(request, slug, Permission.REVEAL_BODIES)
    form = RevealForm(request.POST)
    revealed = respond.attempt(form, lambda: actions.reveal(scope, message_id, reason=form.cleaned_data["reason"]))
    page = queries.permalink(scope, message_id)
    if revealed is not None:
        page = queries.opened(page, revealed)
    show_all = revealed is not None and form.cleaned_data["show_all"]
    context = _context(request, scope, page, form, show_all=show_all)
    context["revealed"] = revealed is not None
    return respond.page(request, TEMPLATE, context, status=200 if revealed else 422)


@respond.form_of("message")
def reveal_around(request: HttpRequest, slug: str, message_id: int) -> HttpResponse:
    """The permalink with all that is around it open, in this answer only."""
    scope = access.enter(request, slug, Permission.REVEAL_BODIES)
    form = AroundForm(request.POST)
    page = respond.attempt(
        form, lambda: actions.reveal_conversation(scope, message_id, reason=form.cleaned_data["reason"])
    )
    shown = page or queries.permalink(scope, message_id)
    context = _context(request, scope, shown, RevealForm(), show_all=False)
    context |= {"revealed": page is not None, "around_form": form}
    return respond.page(request, TEMPLATE, context, status=200 if page else 422)


@dataclass(frozen=True, slots=True)
class Line:
    """A message in its conversation. day: the date, on the first line of each day."""

    message: ShownMessage
    day: str
    who: SafeString
    body: SafeString
    url: str
    is_hit: bool

    @property
    def is_long(self) -> bool:
        """Likely more than the few lines one message may take among the others; it is cut, with a way to the rest."""
        text = "" if self.message.is_masked else self.message.text or ""
        return len(text) > LINE_MOST or text.count("\n") >= LINES_MOST


def _context(
    request: HttpRequest, scope: Scope, page: MessagePage, form: RevealForm, *, show_all: bool
) -> dict[str, object]:
    slug, message = scope.slug, page.message
    q = message_query.q_of(request.GET.getlist("q")) if page.access is BodyAccess.OPEN else ""
    return {
        "page": page,
        "message": message,
        "kind_tag": words.kind_tag(message),
        "channel_kind": words.channel_kind(message.channel),
        "lines": _lines(slug, page, q),
        "payload": payloads.panel(message, show_all=show_all),
        "length_words": words.length_words(message),
        "form": form,
        "around_form": AroundForm(),
        "masked_around": sum(1 for item in page.context.items if item.is_masked),
        "changed_text": words.whole_text(page.changed) if page.changed and not page.changed.is_masked else "",
        "before_text": words.whole_text(replace(message, text=message.before)) if message.before is not None else "",
        "links": _links(request, scope, page),
        "is_system": message.from_uid in ("", words.SYSTEM_UID),
        "deny": _deny(scope, message),
        "api_path": reverse("api:get_message", args=[slug, str(message.id)]),
    }


def _lines(slug: str, page: MessagePage, q: str) -> list[Line]:
    """q: the search it was found by, whose words are marked; it goes along to the neighbours."""
    lines, last_day, terms = [], None, message_query.terms(q)
    for item in page.context.items:
        local = timezone.localtime(item.sent_at)
        day = date_format(local, "DATE_FORMAT") if local.date() != last_day else ""
        last_day = local.date()
        body = words.masked_body(slug, item, page.access) if item.is_masked else words.whole_text(item, terms)
        body = cells.join((marks(item), body))
        lines.append(
            Line(
                message=item,
                day=day,
                who=words.sender_cell(slug, item.from_uid, "who cut"),
                body=body,
                url=words.message_url(slug, item.id, q if terms else ""),
                is_hit=item.id == page.message.id,
            )
        )
    return lines


def _links(request: HttpRequest, scope: Scope, page: MessagePage) -> dict[str, str]:
    message, channel = page.message, page.message.channel
    return {
        "self": request.build_absolute_uri(reverse("message", args=[scope.slug, message.id])),
        "sender": words.url_of("user", scope.slug, message.from_uid),
        "channel": words.url_of("channel", scope.slug, channel),
        "search_here": messages_url(scope, channel=channel),
        "search_sender_here": messages_url(scope, sender=message.from_uid, channel=channel),
        "search_sender": messages_url(scope, sender=message.from_uid),
        "is_fed": "yes" if is_fed(scope) else "",
        "spread": spread_url(scope, message_id=message.id) if message.length or message.text else "",
        "audit": words.url_of("audit-entry", page.trace) if page.trace and scope.can(Permission.VIEW_AUDIT) else "",
    }


@dataclass(frozen=True, slots=True)
class Deny:
    """Where the deny form posts to. channel: the group, or in a person chat the receiver's own entry."""

    url: str
    channel: ChannelRef
    receiver: str
    form: EndFields = field(default_factory=EndFields)


def _deny(scope: Scope, message: ShownMessage) -> Deny | None:
    """None when the role may not, or when there is nobody to deny: the system itself sends past every list."""
    if not scope.can(Permission.RESTRICT_MEMBERS) or message.from_uid in ("", words.SYSTEM_UID):
        return None
    channel, receiver = message.channel.base, ""
    if peers := channel.peers:
        receiver = next((uid for uid in peers if uid != message.from_uid), "")
        channel = ChannelRef.inbox(receiver)
    url = words.url_of("channel-denylist-add", scope.slug, channel)
    return Deny(url, channel, receiver) if url else None
