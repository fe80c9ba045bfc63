"""Saved searches, one's own search history, and exports."""

from django.urls import URLPattern, path

from imadmin.web.views import exports, saved

_SAVED, _EXPORTS = "c/<slug:slug>/messages/saved/", "c/<slug:slug>/messages/exports/"

urlpatterns: list[URLPattern] = [
    path(_SAVED, saved.listing, name="saved-searches"),
    path(f"{_SAVED}panel/", saved.panel, name="saved-panel"),
    path(f"{_SAVED}new/", saved.new, name="saved-search-new"),
    path(f"{_SAVED}history/forget/", saved.forget_all, name="past-searches-forget"),
    path(f"{_SAVED}history/<int:past_id>/forget/", saved.forget, name="past-search-forget"),
    path(f"{_SAVED}<int:search_id>/", saved.open_search, name="saved-search-open"),
    path(f"{_SAVED}<int:search_id>/edit/", saved.edit, name="saved-search-edit"),
    path(f"{_SAVED}<int:search_id>/pin/", saved.pin, name="saved-search-pin"),
    path(f"{_SAVED}<int:search_id>/share/", saved.share, name="saved-search-share"),
    path(f"{_SAVED}<int:search_id>/delete/", saved.delete, name="saved-search-delete"),
    path(_EXPORTS, exports.listing, name="exports"),
    path(f"{_EXPORTS}<slug:export_id>/", exports.one, name="export"),
    path(f"{_EXPORTS}<slug:export_id>/file", exports.file, name="export-file"),
    path(f"{_EXPORTS}<slug:export_id>/stop/", exports.stop, name="export-stop"),
    path(f"{_EXPORTS}<slug:export_id>/delete/", exports.delete, name="export-delete"),
]
