"""The browsable docs page, made on the server from the OpenAPI schema: no outside asset, no script needed."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from ninja.openapi.schema import OpenAPISchema

if TYPE_CHECKING:
    from ninja import NinjaAPI

CHANNEL_PARTS = [
    {
        "in": "path",
        "name": "channel_type",
        "required": True,
        "schema": {"type": "integer", "minimum": 0, "maximum": 255, "title": "Channel Type"},
    },
    {
        "in": "path",
        "name": "channel_id",
        "required": True,
        "schema": {"type": "string", "title": "Channel Id"},
        "description": "the stored id; what breaks a path is written ~XX (UTF-8 bytes in hex)",
    },
]


def urls(api: "NinjaAPI") -> list[URLPattern]:
    return [path("", lambda _request: redirect("api:docs"), name="start"), path("docs", _page(api), name="docs")]


def csrf_free(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


def tidied(schema: OpenAPISchema) -> OpenAPISchema:
    """A channel is two path segments, so the schema shows two parameters where the routes know one."""
    paths: dict[str, Any] = {}
    for address, methods in schema["paths"].items():
        if "{channel}" in address:
            address = address.replace("{channel}", "{channel_type}/{channel_id}")
            for operation in methods.values():
                if not any(each["name"] == "channel_id" for each in operation["parameters"]):
                    kept = [each for each in operation["parameters"] if each["name"] != "channel"]
                    operation["parameters"] = [*kept, *CHANNEL_PARTS]
        paths[address] = methods
    schema["paths"] = paths
    return schema


def _page(api: "NinjaAPI") -> Callable[[HttpRequest], HttpResponse]:
    def show(request: HttpRequest) -> HttpResponse:
        return HttpResponse("", status=501)

    return show
