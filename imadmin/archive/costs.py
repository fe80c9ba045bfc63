"""What a search makes the server do, and what its answer can't promise, in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from imadmin.archive.queries import FoundMessages
from imadmin.core.errors import gettext_noop
from imadmin.gateway.types import MessageQuery

# The codes of gateway pages (Page.limits); an unknown one is shown as it is.
LIMIT_WORDS: Mapping[str, str] = {
    "sender-index-order": gettext_noop(
        "The server lists a sender's messages by channel, not by time: the newest may be missing. "
        "Name a channel for an exact answer."
    ),
    "not-pageable": gettext_noop("This is one answer without further pages."),
    "cut-at-limit": gettext_noop(
        "The server's list was cut: there are more messages that can't be reached this way. Name a channel."
    ),
    "case-sensitive": gettext_noop("Capital and small letters are told apart."),
    "raw-bytes": gettext_noop(
        "The text is looked for in the stored bytes: names of JSON fields match too, and what a client wrote in "
        "another encoding doesn't."
    ),
}
# Codes that mean an answer may lack messages; the others only explain how it was made.
INCOMPLETE = frozenset({"sender-index-order", "cut-at-limit"})


@dataclass(frozen=True, slots=True)
class Cost:
    """is_complete: the answer holds every match there is (over all its pages)."""

    work: str
    notes: tuple[str, ...]
    is_complete: bool


def cost_of(found: FoundMessages) -> Cost:
    return Cost(
        work=work_of(found.query),
        notes=tuple(LIMIT_WORDS.get(code, code) for code in found.limits),
        is_complete=not found.failed and not INCOMPLETE & set(found.limits),
    )


def work_of(query: MessageQuery) -> str:
    """What the server reads for this question."""
    if query.message_id:
        return gettext_noop("Looked up by its id in the index of every node: cheap.")
    if query.channel is not None and query.text:
        return gettext_noop("Reads this one channel, newest first, comparing every body.")
    if query.channel is not None and (query.from_uid or query.client_msg_no):
        return gettext_noop("Reads this one channel, newest first, until enough messages match.")
    if query.channel is not None:
        return gettext_noop("Reads the newest messages of this one channel: cheap.")
    if query.from_uid:
        return gettext_noop("Reads the sender's index on every node, at most 1 000 messages: cheap.")
    if query.client_msg_no:
        return gettext_noop("Looked up by its client number in the index of every node: cheap.")
    return gettext_noop("Reads the newest messages of all channels, by message id: cheap.")


def why_nothing(query: MessageQuery, *, is_later_page: bool = False) -> str:
    """Why a search may have found nothing, and what to try."""
    if is_later_page:
        return gettext_noop("There is nothing older. Go back to the newest.")
    if query.message_id:
        return gettext_noop(
            "No node that answered has this id. It may be mistyped, belong to another cluster, or name a message that "
            "was never stored."
        )
    if query.text:
        return gettext_noop(
            "No body in this channel holds this text as typed. Capital letters, spaces and full-width signs count; "
            "try fewer characters."
        )
    if query.channel is not None and (query.from_uid or query.client_msg_no):
        return gettext_noop("Nothing in this channel matches. Ids are compared exactly; search the channel alone.")
    if query.channel is not None:
        return gettext_noop(
            "No message was ever stored here. The same id may exist as another kind of channel, and a person chat is "
            "found by its two uids."
        )
    if query.from_uid:
        return gettext_noop("No message by this sender. Uids are compared exactly, capital letters too.")
    if query.client_msg_no:
        return gettext_noop("No message with this client number. Clients that send none get one from the server.")
    return gettext_noop("This cluster holds no messages yet.")
