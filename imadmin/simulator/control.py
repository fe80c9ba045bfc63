"""The knobs over HTTP, for a cluster that runs in another process (`manage.py simulate`)."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from . import gojson
from .listen import Receive, Scope, Send, drop

Knob = Callable[[int, dict[str, str]], Any]


class ControlApp:
    """POST /<knob>/<node or slot>?parameters, GET / for what there is."""

    def __init__(self, knobs: dict[str, Knob], status: Callable[[], dict[str, Any]]) -> None:
        self._knobs = knobs
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await drop(scope)
            return
        status, answer = self._answer(scope["method"], scope["path"], scope["query_string"].decode())
        headers = [(b"content-type", b"application/json; charset=utf-8")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": gojson.dumps(answer)})

    def _answer(self, method: str, path: str, query: str) -> tuple[int, dict[str, Any]]:
        name, _, target = path.strip("/").partition("/")
        if method == "GET" and not name:
            return 200, {"knobs": sorted(self._knobs), **self._status()}
        if name not in self._knobs or not target.isdigit():
            return 404, {"error": f"unknown knob {path}", "knobs": sorted(self._knobs)}
        if method != "POST":
            return 405, {"error": "use POST"}
        try:
            self._knobs[name](int(target), dict(parse_qsl(query)))
        except (KeyError, ValueError) as error:
            return 400, {"error": str(error)}
        return 200, self._status()
