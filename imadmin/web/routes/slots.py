"""Slots of a cluster: the map, and one of them."""

from django.urls import URLPattern, path

from imadmin.web.views import slots

urlpatterns: list[URLPattern] = [
    path("c/<slug:slug>/slots/", slots.listing, name="slots"),
    path("c/<slug:slug>/slots/<int:slot>/", slots.slot, name="slot"),
]
