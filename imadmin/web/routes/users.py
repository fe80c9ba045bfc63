"""People of a cluster: looking them up, one of them, and what can be done to them."""

from django.urls import URLPattern, path

from imadmin.web.views import users, users_act

urlpatterns: list[URLPattern] = [
    path("c/<slug:slug>/users/", users.listing, name="users"),
    path("c/<slug:slug>/users/<pathid:uid>/", users.user, name="user"),
    path("c/<slug:slug>/users/<pathid:uid>/may-send/", users.may_send, name="user-may-send"),
    *(
        path(f"c/<slug:slug>/users/<pathid:uid>/{name}/", users_act.act, {"name": name}, name=f"user-{name}")
        for name in users_act.ACTS
    ),
]
