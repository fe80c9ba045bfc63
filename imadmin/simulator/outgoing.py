"""One HTTP request out of the simulator, by plain streams: the webhook needs no more than a status."""

import asyncio
import contextlib
from urllib.parse import urlsplit

CONNECT_WITHIN = 5.0


async def post_json(url: str, body: bytes, *, within: float) -> int:
    """The status of the answer; 0 when there is none in time."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = (
        f"POST {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUser-Agent: Go-http-client/1.1\r\n"
        f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n"
        "Connection: close\r\n\r\n"
    )
    port = parts.port or (443 if parts.scheme == "https" else 80)
    secure = True if parts.scheme == "https" else None
    try:
        opening = asyncio.open_connection(parts.hostname, port, ssl=secure)
        reader, writer = await asyncio.wait_for(opening, CONNECT_WITHIN)
    except (OSError, TimeoutError):
        return 0
    try:
        writer.write(head.encode() + body)
        await writer.drain()
        line = await asyncio.wait_for(reader.readline(), within)
        return int(line.split()[1])
    except (OSError, TimeoutError, ValueError, IndexError):
        return 0
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
