"""Every address of the product. Pages: web/urls.py. JSON API: api/main.py."""

from django.urls import include, path

from imadmin.clusters import converters

converters.register()

from imadmin.api.main import api  # noqa: E402  (converters must be known before patterns are read)
from imadmin.web.views import health  # noqa: E402

urlpatterns = [
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("api/v1/", api.urls),
    path("accounts/", include("imadmin.web.account_urls")),
    path("", include("imadmin.web.urls")),
]

handler400 = "imadmin.web.views.errors.bad_request"
handler403 = "imadmin.web.views.errors.permission_denied"
handler404 = "imadmin.web.views.errors.not_found"
handler500 = "imadmin.web.views.errors.server_error"
