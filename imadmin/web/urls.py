"""Every page. Inside a cluster all addresses start with /c/<slug>/."""

from django.urls import URLPattern, URLResolver

from imadmin.web.routes import (
    channels,
    connections,
    live,
    messages,
    nodes,
    operations,
    policies,
    shell,
    site,
    slots,
    users,
)

urlpatterns: list[URLPattern | URLResolver] = [
    *shell.urlpatterns,
    *site.urlpatterns,
    *messages.urlpatterns,
    *channels.urlpatterns,
    *users.urlpatterns,
    *connections.urlpatterns,
    *policies.urlpatterns,
    *live.urlpatterns,
    *nodes.urlpatterns,
    *slots.urlpatterns,
    *operations.urlpatterns,
]
