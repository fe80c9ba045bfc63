"""The HTTP routes, one module a noun; importing a module registers its handlers."""


def load_routes() -> None:
    from . import (  # noqa: F401
        channel_cluster,
        channel_lists,
        channels,
        connections,
        conversation_sync,
        conversations,
        events,
        logs,
        metrics,
        node_channels,
        nodes,
        people,
        plugins,
        search,
        sending,
        slots,
        system,
        tables,
        tags,
        users,
    )
