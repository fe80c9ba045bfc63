"""The search for messages in the archive."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from imadmin.accounts.permissions import Permission
from imadmin.clusters import access


@require_safe
def search(request: HttpRequest, slug: str) -> HttpResponse:
    access.enter(request, slug, Permission.SEARCH_MESSAGES)
    query = request.GET.urlencode()
    return HttpResponseRedirect(reverse("messages-server", args=[slug]) + (f"?{query}" if query else ""))
