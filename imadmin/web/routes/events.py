"""How the cluster is and what happened to it."""

from django.urls import URLPattern, path

from imadmin.web.views import events, overview

urlpatterns: list[URLPattern] = [
    path("c/<slug:slug>/", overview.overview, name="overview"),
    path("c/<slug:slug>/events/", events.listing, name="events"),
]
