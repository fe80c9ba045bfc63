"""Every page. Inside a cluster all addresses start with /c/<slug>/."""

from django.urls import URLPattern, URLResolver

from imadmin.web.routes import channels, live, messages, policies, shell, site, users

urlpatterns: list[URLPattern | URLResolver] = [
    *shell.urlpatterns,
    *site.urlpatterns,
    *messages.urlpatterns,
    *channels.urlpatterns,
    *users.urlpatterns,
    *policies.urlpatterns,
    *live.urlpatterns,
]
