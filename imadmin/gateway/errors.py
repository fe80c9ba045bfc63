"""What can go wrong between us and a cluster; each error knows the node, the operation and if a retry makes sense.

    GatewayError
    ├── Unreachable     nobody answers at that address
    ├── TimedOut        it accepted the call and then was silent
    ├── Unauthorised    our token or sign-in is refused
    ├── NotAllowed      signed in, but without the right
    ├── NoSuch          the server knows no such thing
    ├── Rejected        the server said no, in its words
    ├── Uncertain       a change whose answer never came, can't be read or says so: read back (reference 5.5)
    ├── BadReply        an answer to a question that we can't read
    ├── CircuitOpen     this node failed repeatedly; not asked for some seconds
    └── ListWriteBroken a list change that ended half way, saying which half
    RefusedLocally      a call that would harm the server; nothing was sent

Texts never hold credentials or addresses.
"""

from imadmin.core.errors import AppError, InvalidInput, Unsupported, gettext_noop

__all__ = [
    "BadReply", "CircuitOpen", "GatewayError", "ListWriteBroken", "NoSuch", "NotAllowed", "RefusedLocally",
    "Rejected", "TimedOut", "Unauthorised", "Uncertain", "Unreachable", "Unsupported",
]  # fmt: skip


class GatewayError(AppError):
    """node: id as text or the words for the configured address, never a URL; operation: our method's name."""

    code = "upstream_error"
    status = 502
    title = gettext_noop("The cluster could not do this")

    def __init__(self, message: str = "", *, node: str = "", operation: str = "", **kwargs: object) -> None:
        self.node = node
        self.operation = operation
        super().__init__(message, **kwargs)  # type: ignore[arg-type]


class Unreachable(GatewayError):
    code = "upstream_unreachable"
    title = gettext_noop("The node doesn't answer at its address")
    retryable = True


class TimedOut(GatewayError):
    code = "upstream_timeout"
    status = 504
    title = gettext_noop("The node accepted the call and then stayed silent")
    retryable = True
    is_uncertain = True  # a question that ends a change half way, like reading it back, leaves it unknown


class Unauthorised(GatewayError):
    code = "upstream_unauthorised"
    title = gettext_noop("The node refuses our token or sign-in")


class NotAllowed(GatewayError):
    code = "upstream_forbidden"
    title = gettext_noop("The account we use on the cluster lacks the right for this")


class NoSuch(GatewayError):
    code = "upstream_not_found"
    status = 404
    title = gettext_noop("The cluster knows no such thing")


class Rejected(GatewayError):
    code = "upstream_rejected"
    title = gettext_noop("The cluster refused")


class Uncertain(GatewayError):
    code = "upstream_uncertain"
    title = gettext_noop("The cluster gave up after five seconds: the change may or may not have happened")
    is_uncertain = True


class BadReply(GatewayError):
    code = "upstream_bad_reply"
    title = gettext_noop("The cluster answered something that can't be read")


class CircuitOpen(GatewayError):
    code = "upstream_paused"
    status = 503
    title = gettext_noop("The node failed repeatedly and is left alone for some seconds")
    retryable = True


class ListWriteBroken(GatewayError):
    """done: uids whose chunk was confirmed; unsure: the chunk that broke; unsent: chunks never sent."""

    code = "upstream_half_done"
    title = gettext_noop("The list change ended half way")
    is_uncertain = True

    def __init__(
        self, *, done: tuple[str, ...], unsure: tuple[str, ...], unsent: tuple[str, ...], cause: GatewayError
    ) -> None:
        self.done, self.unsure, self.unsent, self.cause = done, unsure, unsent, cause
        super().__init__(
            cause.message, node=cause.node, operation=cause.operation, hint=cause.hint, params=cause.params
        )


class RefusedLocally(InvalidInput):
    """A call that would harm the server or can't be expressed to it; nothing was sent."""

    code = "refused"
