"""All of the product, and the bare views that ask the same of the cluster or the archive."""

from django.urls import path

from benchmarks import bare
from imadmin.urls import handler400, handler403, handler404, handler500, urlpatterns  # noqa: F401

urlpatterns = [
    path("bare/channels/", bare.channels),
    path("bare/slots/", bare.slots),
    path("bare/messages/", bare.messages),
    *urlpatterns,
]
