"""What a kind of server can do.  A page leaves out what is missing, with the reason; the API answers 501 with it."""

from enum import StrEnum


class Capability(StrEnum):
    SEARCH_BY_CHANNEL = "search-by-channel"
    SEARCH_BY_SENDER = "search-by-sender"
    SEARCH_TEXT_IN_CHANNEL = "search-text-in-channel"
    SEARCH_TEXT_EVERYWHERE = "search-text-everywhere"
    SEARCH_BY_TIME = "search-by-time"
    MANAGE_CHANNELS = "manage-channels"
    DELETE_CHANNELS = "delete-channels"
    DELETE_MESSAGES = "delete-messages"
    LISTS = "lists"
    DEVICES = "devices"
    KICK = "kick"
    SEND_BAN = "send-ban"
    LOGIN_BAN = "login-ban"
    MOVE_SLOTS = "move-slots"
