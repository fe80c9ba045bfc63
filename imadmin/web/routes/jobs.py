"""Addresses of jobs and their runs."""

from django.urls import URLPattern, path

from imadmin.web.views import jobs

urlpatterns: list[URLPattern] = [
    path("c/<slug:slug>/jobs/", jobs.listing, name="jobs"),
    path("c/<slug:slug>/jobs/start/", jobs.start, name="job-start"),
    path("c/<slug:slug>/jobs/runs/<slug:run_id>/", jobs.run, name="job"),
    path("c/<slug:slug>/jobs/runs/<slug:run_id>/stop/", jobs.stop, name="job-stop"),
]
