"""What is asked of both servers, and asking it."""

import http.client
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

TIMEOUT = 20.0


@dataclass(frozen=True, slots=True)
class Question:
    """Texts may hold `{name}`: the run's own names, node ids, or what an earlier answer gave (`keep`)."""

    name: str
    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None  # JSON, or bytes as they are
    server: str = "main"
    credentials: str = "both"  # both, token, jwt, none, bad
    exact: bool = False  # values are compared as well, but for those that must differ
    pause: float = 0.0  # seconds to wait before it
    keep: Mapping[str, str] = field(default_factory=dict)  # name: where in the answer, dotted
    single: bool = False  # asked of single nodes only


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content_type: str
    text: str

    @property
    def body(self) -> Any:
        """The decoded JSON, or the text when it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return self.text


@dataclass(slots=True)
class Server:
    """One of the two: its addresses, its credentials, and what its answers gave so far."""

    api: str
    manager: str
    token: str = ""
    jwt: str = ""
    names: dict[str, Any] = field(default_factory=dict)

    def fill(self, value: Any) -> Any:
        if isinstance(value, str):
            whole = re.fullmatch(r"\{(\w+)\}", value)
            if whole and whole[1] in self.names:
                return self.names[whole[1]]
            return re.sub(r"\{(\w+)\}", lambda match: str(self.names.get(match[1], match[0])), value)
        if isinstance(value, Mapping):
            return {name: self.fill(item) for name, item in value.items()}
        return [self.fill(item) for item in value] if isinstance(value, list) else value

    def ask(self, question: Question) -> Answer:
        base = self.manager if question.server == "manager" else self.api
        path = quote(self.fill(question.path), safe="/:%")
        query = urlencode({name: self.fill(value) for name, value in question.query.items()})
        body = question.body
        content = body if isinstance(body, bytes | None) else json.dumps(self.fill(body), ensure_ascii=False).encode()
        answer = request(
            question.method, f"{base}{path}" + (f"?{query}" if query else ""), content, self._headers(question)
        )
        for name, place in question.keep.items():
            self.names[name] = _at(answer.body, place)
        return answer

    def _headers(self, question: Question) -> dict[str, str]:
        kind, headers = question.credentials, {"Accept-Encoding": "identity"}
        if self.token and kind in ("both", "token"):
            headers["token"] = self.token
        if kind == "bad":
            headers |= {"token": "wrong", "Authorization": "Bearer abc"}
        if self.jwt and kind in ("both", "jwt"):
            headers["Authorization"] = f"Bearer {self.jwt}"
        return headers


def request(method: str, url: str, content: bytes | None, headers: Mapping[str, str]) -> Answer:
    """A dropped connection is an answer too: status 0."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, content, dict(headers))
        reply = connection.getresponse()
        kind = (reply.getheader("content-type") or "").partition(";")[0]
        return Answer(reply.status, kind, reply.read().decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, "", type(error).__name__)
    finally:
        connection.close()


def _at(value: Any, place: str) -> Any:
    for name in place.split("."):
        if isinstance(value, list):
            value = value[int(name)] if int(name) < len(value) else None
        elif isinstance(value, dict):
            value = value.get(name)
        else:
            return None
    return value
