"""The live tail of a search, and who else wrote a message."""

from django.urls import URLPattern, path

from imadmin.web.views import spread, tail

urlpatterns: list[URLPattern] = [
    path("c/<slug:slug>/tail/", tail.page, name="tail"),
    path("c/<slug:slug>/tail/rows/", tail.rows, name="tail-rows"),
    path("c/<slug:slug>/messages/spread/", spread.page, name="spread"),
    path("c/<slug:slug>/messages/spread/chosen/", spread.chosen, name="spread-chosen"),
]
