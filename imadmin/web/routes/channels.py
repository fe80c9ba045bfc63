"""Channels: the lists, one channel with its tabs, and the changes of its lists."""

from django.urls import URLPattern, path

from imadmin.directory.actions.lists import Verb
from imadmin.directory.queries.lists import ListName
from imadmin.web.views import channels, channels_detail, channels_flags

_ALL = "c/<slug:slug>/channels/"
_ONE = f"{_ALL}<channel:channel>/"


def _of_list(name: ListName) -> list[URLPattern]:
    """One list of a channel: its tab, the preview of a change and its application, and one uid at once."""
    at, given = f"{_ONE}{name}/", {"name": name}
    return [
        path(at, channels_detail.list_tab, given, name=f"channel-{name}"),
        path(f"{at}preview/", channels_detail.preview, given, name=f"channel-{name}-preview"),
        path(f"{at}apply/", channels_detail.apply, given, name=f"channel-{name}-apply"),
        path(f"{at}plan/<slug:plan_id>/<slug:verb>/", channels_detail.progress, given, name=f"channel-{name}-plan"),
        path(f"{at}add/", channels_detail.change_now, {**given, "verb": Verb.ADD}, name=f"channel-{name}-add"),
        path(f"{at}undo/", channels_detail.change_now, {**given, "verb": Verb.REMOVE}, name=f"channel-{name}-undo"),
    ]


urlpatterns: list[URLPattern] = [
    path(_ALL, channels.listing, name="channels"),
    path(f"{_ALL}open/", channels.open_one, name="channels-open"),
    path(f"{_ALL}new/", channels.new, name="channels-new"),
    path(f"{_ALL}create/", channels.create, name="channels-create"),
    path(_ONE, channels_detail.first, name="channel"),
    *(pattern for name in ListName for pattern in _of_list(name)),
    path(f"{_ONE}flags/", channels_flags.flags_tab, name="channel-flags"),
    path(f"{_ONE}cluster/", channels_detail.cluster_tab, name="channel-cluster"),
    path(f"{_ONE}history/", channels_detail.history_tab, name="channel-history"),
]
