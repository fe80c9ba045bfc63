"""Live updates: the feed of connects and disconnects, and the webhook that tells them."""

from django.urls import URLPattern, path

from imadmin.web.views import hook, live_feed

_AT = "c/<slug:slug>/connections/"

urlpatterns: list[URLPattern] = [
    path(f"{_AT}feed/", live_feed.feed, name="live-feed"),
    path(f"{_AT}webhook/", hook.setup, name="hook"),
    path(f"{_AT}webhook/make/", hook.make, name="hook-make"),
    path(f"{_AT}webhook/show/", hook.show, name="hook-show"),
    path(f"{_AT}webhook/close/", hook.close, name="hook-close"),
]
