"""Every page. Inside a cluster all addresses start with /c/<slug>/."""

from django.urls import URLPattern, URLResolver

from imadmin.web.routes import (
    channels,
    completeness,
    connections,
    events,
    jobs,
    live,
    messages,
    nodes,
    operations,
    policies,
    saved,
    shell,
    site,
    slots,
    stats,
    tail,
    users,
)

urlpatterns: list[URLPattern | URLResolver] = [
    *shell.urlpatterns,
    *site.urlpatterns,
    *events.urlpatterns,
    *messages.urlpatterns,
    *saved.urlpatterns,
    *completeness.urlpatterns,
    *tail.urlpatterns,
    *channels.urlpatterns,
    *users.urlpatterns,
    *connections.urlpatterns,
    *jobs.urlpatterns,
    *policies.urlpatterns,
    *live.urlpatterns,
    *nodes.urlpatterns,
    *slots.urlpatterns,
    *operations.urlpatterns,
    *stats.urlpatterns,
]
