"""Only the account pages we offer; the library's sign-up and e-mail pages are left out."""

from allauth.account import views
from django.urls import path

urlpatterns = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("password/change/", views.password_change, name="account_change_password"),
    # Names the library reverses; nobody can sign up or reset by e-mail, so they lead to the sign-in page.
    path("signup/", views.login, name="account_signup"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("password/reset/", views.login, name="account_reset_password"),
    path("password/set/", views.password_change, name="account_set_password"),
    path("email/", views.login, name="account_email"),
]
