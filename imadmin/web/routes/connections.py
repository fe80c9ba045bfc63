"""The connections of a cluster, one of them, what is kicked, and the sockets that the server hides."""

from django.urls import URLPattern, path

from imadmin.web.views import connections, connections_csv, connections_ghosts

_ALL = "c/<slug:slug>/connections/"

urlpatterns: list[URLPattern] = [
    path(_ALL, connections.listing, name="connections"),
    path(f"{_ALL}kick/", connections.kick, name="connections-kick"),
    path(f"{_ALL}columns/", connections.columns, name="connections-columns"),
    path(f"{_ALL}export.csv", connections_csv.export, name="connections-csv"),
    path(f"{_ALL}ghosts/", connections_ghosts.ghosts, name="connection-ghosts"),
    path(f"{_ALL}<int:node>/<int:connection>/", connections.connection, name="connection"),
]
