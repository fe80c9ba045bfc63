"""All of the product, and one bare view that makes the same upstream call."""

from django.urls import path

from benchmarks import bare
from imadmin.urls import handler400, handler403, handler404, handler500, urlpatterns  # noqa: F401

urlpatterns = [path("bare/channels/", bare.channels), path("bare/slots/", bare.slots), *urlpatterns]
