"""The browsable docs page, made on the server from the OpenAPI schema: no outside asset, no script needed."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from ninja.openapi.schema import OpenAPISchema

from imadmin.api import reading
from imadmin.core import errors

if TYPE_CHECKING:
    from ninja import NinjaAPI

DESCRIPTION = (
    "The same reads and changes as the pages, under the same rights. Send `Authorization: Bearer imadmin_…`. "
    "64-bit ids are strings; times carry a zone; errors are application/problem+json."
)
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
    start = require_GET(lambda _request: redirect("api:docs"))
    return [path("", start, name="start"), path("docs", require_GET(_page(api)), name="docs")]


def csrf_free(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    view.csrf_exempt = True  # type: ignore[attr-defined]
    return view


def tidied(schema: OpenAPISchema) -> OpenAPISchema:
    """A channel is two path segments, so the schema shows two parameters where the routes know one.

    Errors are problem+json, whatever the library says of all its replies.
    """
    paths: dict[str, Any] = {}
    for address, methods in schema["paths"].items():
        for operation in methods.values():
            if "{channel}" in address and not any(each["name"] == "channel_id" for each in operation["parameters"]):
                kept = [each for each in operation["parameters"] if each["name"] != "channel"]
                operation["parameters"] = [*kept, *CHANNEL_PARTS]
            for status, reply in operation["responses"].items():
                if int(status) >= 400 and "application/json" in reply.get("content", {}):
                    reply["content"] = {"application/problem+json": reply["content"]["application/json"]}
                    reply["description"] = HTTPStatus(int(status)).phrase
        paths[address.replace("{channel}", "{channel_type}/{channel_id}")] = methods
    schema["paths"] = paths
    return schema


def _page(api: "NinjaAPI") -> Callable[[HttpRequest], HttpResponse]:
    def show(request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect(f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': request.path})}")
        schema = api.get_openapi_schema()
        context = {
            "about": DESCRIPTION.replace("`", ""),
            "groups": reading.groups(schema, request.build_absolute_uri("/").rstrip("/")),
            "schemas": reading.schemas(schema),
            "codes": [(kind.code, kind.status, _(kind.title)) for kind in _kinds(errors.AppError)],
        }
        return render(request, "pages/api/docs.html", context)

    return show


def _kinds(root: type[errors.AppError]) -> list[type[errors.AppError]]:
    """Every error there is, by status, one for each code."""
    found = [root]
    for kind in found:
        found.extend(kind.__subclasses__())
    by_code = {kind.code: kind for kind in found}
    return sorted(by_code.values(), key=lambda kind: (kind.status, kind.code))
