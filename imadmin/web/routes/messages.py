"""The search for messages, and the permalink of one."""

from django.urls import URLPattern, path

from imadmin.web.views import message, message_senders, messages, messages_server

urlpatterns: list[URLPattern] = [
    path("c/<slug:slug>/messages/", messages.search, name="messages"),
    path("c/<slug:slug>/messages/narrow/", messages.narrow, name="messages-narrow"),
    path("c/<slug:slug>/messages/suggest/", messages.suggest, name="messages-suggest"),
    path("c/<slug:slug>/messages/senders/", message_senders.senders, name="messages-senders"),
    path("c/<slug:slug>/messages/server/", messages_server.search, name="messages-server"),
    path("c/<slug:slug>/m/<int:message_id>/", message.permalink, name="message"),
    path("c/<slug:slug>/m/<int:message_id>/reveal/", message.reveal, name="message-reveal"),
    path("c/<slug:slug>/m/<int:message_id>/reveal-around/", message.reveal_around, name="message-reveal-around"),
]
