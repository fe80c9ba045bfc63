"""Every page. Inside a cluster all addresses start with /c/<slug>/."""

from django.urls import URLPattern, URLResolver

from imadmin.web.routes import (
    channels,
    connections,
    events,
    jobs,
    live,
    messages,
    nodes,
    operations,
    policies,
    shell,
    site,
    slots,
    stats,
    users,
)

urlpatterns: list[URLPattern | URLResolver] = [
    *shell.urlpatterns,
    *site.urlpatterns,
    *events.urlpatterns,
    *messages.urlpatterns,
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
