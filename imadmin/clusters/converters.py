"""URL converters, so that no view parses ids: `<pathid:uid>` and `<channel:channel>` (`2/group-id`)."""

from django.urls import register_converter

from imadmin.core import pathids
from imadmin.gateway.types import ChannelRef


class ChannelConverter:
    """`<type>/<stored id>` as two path segments."""

    regex = r"[0-9]{1,3}/[^/]+"

    def to_python(self, value: str) -> ChannelRef:
        type_text, _, id_text = value.partition("/")
        number = int(type_text)
        if number > 255:
            raise ValueError("channel types are below 256")
        return ChannelRef(pathids.decode(id_text), number)

    def to_url(self, value: ChannelRef) -> str:
        return f"{int(value.type)}/{pathids.encode(value.id)}"


def register() -> None:
    register_converter(pathids.PathIdConverter, "pathid")
    register_converter(ChannelConverter, "channel")
