"""The HTTP routes, one module a noun; importing a module registers its handlers."""


def load_routes() -> None:
    from . import (  # noqa: F401
        channel_lists,
        channels,
        connections,
        conversations,
        metrics,
        node_channels,
        nodes,
        people,
        search,
        sending,
        slots,
        system,
        tables,
        users,
    )
