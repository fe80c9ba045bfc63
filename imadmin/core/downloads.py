"""A file that leaves this app: in pieces, never kept by a browser, never shown as a page."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import BinaryIO

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

PIECE = 64 * 1024


def download(
    request: HttpRequest, opened: BinaryIO, *, name: str, content_type: str, size: int
) -> StreamingHttpResponse:
    """Reads and closes the file while it is sent; name: plain ASCII, it goes into a header."""
    pieces = _pieces_async(opened) if isinstance(request, ASGIRequest) else _pieces(opened)
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Length"] = str(size)
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _pieces(opened: BinaryIO) -> Iterator[bytes]:
    with opened:
        while piece := opened.read(PIECE):
            yield piece


async def _pieces_async(opened: BinaryIO) -> AsyncIterator[bytes]:
    with opened:
        while piece := await asyncio.to_thread(opened.read, PIECE):
            yield piece
