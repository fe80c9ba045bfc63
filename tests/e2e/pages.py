"""Every page a person can open, by name, with the samples its address needs; used by tests and by the screenshots."""

import re
from typing import Any

PAGES = {
    "overview": "/c/demo/",
    "messages": "/c/demo/messages/",
    "messages-server": "/c/demo/messages/server/",
    "completeness": "/c/demo/messages/completeness/",
    "message": "{message}",
    "tail": "/c/demo/tail/",
    "spread": "/c/demo/messages/spread/",
    "saved-searches": "/c/demo/messages/saved/",
    "exports": "/c/demo/messages/exports/",
    "channels": "/c/demo/channels/",
    "channel": "{channel}",
    "events": "/c/demo/events/",
    "connections": "/c/demo/connections/",
    "connection-ghosts": "/c/demo/connections/ghosts/",
    "nodes": "/c/demo/nodes/",
    "node": "/c/demo/nodes/1001/",
    "slots": "/c/demo/slots/?slot=3",
    "slot": "/c/demo/slots/3/",
    "live-feed": "/c/demo/connections/feed/",
    "hook": "/c/demo/connections/webhook/",
    "users": "/c/demo/users/",
    "user": "{user}",
    "operations": "/c/demo/operations/",
    "stats": "/c/demo/stats/",
    "jobs": "/c/demo/jobs/",
    "audit": "/audit/",
    "settings-clusters": "/settings/clusters/",
    "settings-people": "/settings/people/",
    "settings-tokens": "/settings/tokens/",
    "account": "/settings/account/",
    "api-docs": "/api/v1/docs",
}


def find_samples(page: Any) -> dict[str, str]:
    """Addresses of one message, one channel and one user of the demo world, found by following links."""
    page.goto("/c/demo/channels/")
    channel = first_link(page, r"/c/demo/channels/2/[^/?]+/$")
    page.goto("/c/demo/messages/server/")
    message = first_link(page, r"/c/demo/m/\d+/$")
    user = first_link(page, r"/c/demo/users/[^/?]+/$")
    return {"channel": channel, "message": message, "user": user}


def first_link(page: Any, pattern: str) -> str:
    for link in page.locator("main a[href]").all():
        address = link.get_attribute("href")
        if address and re.search(pattern, address):
            return str(address)
    raise AssertionError(f"no link like {pattern} on {page.url}")
