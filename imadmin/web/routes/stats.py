"""What was sampled of a cluster over time."""

from django.urls import URLPattern, path

from imadmin.web.views import stats

urlpatterns: list[URLPattern] = [
    path("c/<slug:slug>/stats/", stats.page, name="stats"),
    path("c/<slug:slug>/stats/data/", stats.data, name="stats-data"),
    path("c/<slug:slug>/stats/csv/", stats.export, name="stats-csv"),
    path("c/<slug:slug>/stats/table/<slug:chart>/", stats.table, name="stats-table"),
]
