"""Addresses of cleanup policies and holds."""

from django.urls import path

from imadmin.web.views import policies

AT = "c/<slug:slug>/jobs/"
urlpatterns = [
    path(f"{AT}policies/new/<slug:kind>/", policies.new, name="job-policy-new"),
    path(f"{AT}policies/<int:policy_id>/", policies.policy, name="job-policy"),
    path(f"{AT}policies/<int:policy_id>/edit/", policies.edit, name="job-policy-edit"),
    path(f"{AT}policies/<int:policy_id>/simulate/", policies.simulate, name="job-policy-simulate"),
    *(
        path(f"{AT}policies/<int:policy_id>/{verb}/", policies.act, {"verb": verb}, name=f"job-policy-{verb}")
        for verb in policies.ACTS
    ),
    path(f"{AT}holds/new/", policies.hold, name="job-hold"),
    path(f"{AT}holds/<int:hold_id>/lift/", policies.lift_hold, name="job-hold-lift"),
]
