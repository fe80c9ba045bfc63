"""Nodes of a cluster: all of them, and one."""

from django.urls import URLPattern, path

from imadmin.web.views import nodes

urlpatterns: list[URLPattern] = [
    path("c/<slug:slug>/nodes/", nodes.listing, name="nodes"),
    path("c/<slug:slug>/nodes/<int:node>/", nodes.node, name="node"),
]
