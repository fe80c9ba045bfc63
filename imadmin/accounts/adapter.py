"""How the sign-in library behaves here: nobody can sign up; people are added by the owner."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class ClosedAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "too_many_login_attempts": _(
            "Too many failed sign-ins. Wait five minutes, then try again; an owner can give you a new password."
        ),
        "username_password_mismatch": _("Name or password is wrong."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
