"""How complete the archive is, and what is done about it."""

from django.urls import URLPattern, path

from imadmin.web.views import completeness

urlpatterns: list[URLPattern] = [
    path("c/<slug:slug>/messages/completeness/", completeness.show, name="completeness"),
    path("c/<slug:slug>/messages/completeness/cost/", completeness.cost, name="archive-cost"),
    path("c/<slug:slug>/messages/completeness/open/", completeness.open_, name="archive-open"),
    path("c/<slug:slug>/messages/completeness/close/", completeness.close, name="archive-close"),
    path("c/<slug:slug>/messages/completeness/budget/", completeness.budget, name="archive-budget"),
    path("c/<slug:slug>/messages/completeness/read/", completeness.read, name="archive-read"),
]
