"""The one error tree that faces turn into a panel, a toast, a page or problem+json.

    AppError                 something a person is told in words
    ├── InvalidInput   422   names the fields; nothing was changed
    ├── SignInRequired 401
    ├── Forbidden      403
    ├── NotFound       404   also for what one may not know of
    ├── Conflict       409   the state moved, or a second process runs
    ├── Unsupported    501   the server can't do it, with the reason
    ├── Busy           503   our own database or limits; try again
    └── GatewayError   502   see gateway/errors.py

No Django here: the gateway imports this module.  Messages are English templates, marked with `gettext_noop` where they
are written and translated where they are shown.
"""

from collections.abc import Mapping
from typing import Any


def gettext_noop(message: str) -> str:
    """Mark a message for translation without translating it here."""
    return message


class AppError(Exception):
    """code: stable word for scripts.  status: HTTP status.  retryable: whether the same call may work later.

    is_uncertain: a change that ended with this may have happened all the same.
    """

    code = "error"
    status = 500
    title = gettext_noop("Something went wrong")
    retryable = False
    is_uncertain = False

    def __init__(self, message: str = "", *, hint: str = "", params: Mapping[str, Any] | None = None) -> None:
        self.message = message or self.title
        self.hint = hint
        self.params = dict(params or {})
        super().__init__(self.text())

    def text(self, translate: Any = gettext_noop) -> str:
        """The sentence, with its parameters filled in; `translate` is gettext at the edges."""
        template = str(translate(self.message))
        return template % self.params if self.params else template


class InvalidInput(AppError):
    """fields: field name -> list of sentences.  Nothing was changed."""

    code = "invalid_input"
    status = 422
    title = gettext_noop("Some of what was entered can't be used")

    def __init__(self, fields: Mapping[str, list[str]], message: str = "", **kwargs: Any) -> None:
        self.fields = {name: list(sentences) for name, sentences in fields.items()}
        super().__init__(message, **kwargs)


class SignInRequired(AppError):
    code = "sign_in_required"
    status = 401
    title = gettext_noop("Sign in to go on")


class Forbidden(AppError):
    code = "forbidden"
    status = 403
    title = gettext_noop("Your role doesn't allow this")


class NotFound(AppError):
    code = "not_found"
    status = 404
    title = gettext_noop("There is no such thing here")


class Conflict(AppError):
    code = "conflict"
    status = 409
    title = gettext_noop("The state has changed meanwhile")


class Unsupported(AppError):
    code = "unsupported"
    status = 501
    title = gettext_noop("The server can't do this")


class Busy(AppError):
    code = "busy"
    status = 503
    title = gettext_noop("The dashboard is busy; nothing was changed")
    retryable = True
