"""What the frame of every page needs: finding, preferences, a fresh form token."""

from django.urls import URLPattern, path

from imadmin.web.views import find, preferences

urlpatterns: list[URLPattern] = [
    path("find/", find.find, name="find"),
    path("preferences/", preferences.change, name="preferences"),
    path("preferences/token/", preferences.fresh_token, name="fresh-token"),
]
