"""How big a test of bad days is: small by itself, as big as one wants by the environment."""

import os

KILLED_MESSAGES = "IMADMIN_TEST_KILLED_MESSAGES"
_KILLED_EACH = 20_000


def killed_messages(small: int) -> int:
    """How many messages pass through processes that are killed: IMADMIN_TEST_KILLED_MESSAGES, or so few."""
    return int(os.environ.get(KILLED_MESSAGES) or small)


def kills(messages: int) -> int:
    return max(2, messages // _KILLED_EACH)
