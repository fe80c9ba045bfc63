"""What is typed to set up a cleanup policy, its schedule and the holds."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from imadmin.gateway.types import ChannelRef
from imadmin.jobs.models import Policy
from imadmin.jobs.policy.actions import CAP_MOST, Wanted
from imadmin.jobs.policy.kinds import Kind
from imadmin.jobs.schedule import Cron
from imadmin.web import job_words
from imadmin.web.forms.users import ReasonForm
from imadmin.web.message_words import CHANNEL_KINDS

EVERY = {
    "": _("only by hand"),
    "15m": _("every 15 minutes"),
    "hourly": _("every hour"),
    "daily": _("every day"),
    "weekly": _("every week"),
}
AS_IT_IS = "as-it-is"
DAYS = (_("Monday"), _("Tuesday"), _("Wednesday"), _("Thursday"), _("Friday"), _("Saturday"), _("Sunday"))


class PolicyForm(ReasonForm):
    """The settings of one kind: a number field each, then limits and the schedule."""

    every = forms.ChoiceField(label=_("Runs"), required=False, choices=list(EVERY.items()))
    day = forms.TypedChoiceField(
        label=_("On"),
        required=False,
        coerce=int,
        empty_value=1,  # type: ignore[arg-type]
        choices=[(number % 7, word) for number, word in enumerate(DAYS, start=1)],
        help_text=_("for every week"),
    )
    time = forms.TimeField(
        label=_("At"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("for every day and week, and the minute of every hour"),
        error_messages={"invalid": _("Write a time like 03:10.")},
    )
    cap = forms.IntegerField(
        label=_("At most in one run"),
        min_value=1,
        max_value=CAP_MOST,
        help_text=_("the rest is left for the next run"),
    )
    stop_above = forms.IntegerField(
        label=_("Safety stop, in percent"),
        min_value=1,
        max_value=100,
        help_text=_("a run that would touch a larger share of what it looked at ends before it touches anything"),
    )

    def __init__(self, data: Any, kind: Kind, policy: Policy | None = None) -> None:
        initial = {"cap": kind.cap, "stop_above": kind.stop_above, "time": "03:10", "every": "", **_told(policy)}
        super().__init__(data, initial=initial)
        self.kind = kind
        self._cron: Any = policy.schedule.crontab if policy and policy.schedule else None
        # A schedule stays in the zone it was made for, whoever changes it.
        if self._cron and job_words.rhythm(self._cron) not in ("15m", "hourly"):
            self._zone = str(self._cron.timezone)
        else:
            self._zone = timezone.get_current_timezone_name()
        self.fields["time"].label = _now("At, time of %(zone)s") % {"zone": self._zone}
        if initial["every"] == AS_IT_IS:
            as_it_is = _now("as it is: %(cron)s") % {"cron": job_words.five_fields(self._cron)}
            self.fields["every"].choices = [(AS_IT_IS, as_it_is), *EVERY.items()]  # type: ignore[attr-defined]
        for setting in kind.settings:
            self.fields[f"set_{setting.name}"] = forms.IntegerField(
                label=f"{_now(setting.label)}, {_now(setting.unit)}",
                min_value=setting.least,
                max_value=setting.most,
                initial=(policy.params if policy else {}).get(setting.name, setting.default),
            )
        names = [f"set_{setting.name}" for setting in kind.settings]
        self.order_fields([*names, "every", "day", "time", "cap", "stop_above", "reason"])

    def wanted(self) -> Wanted:
        given = self.cleaned_data
        params = {setting.name: given[f"set_{setting.name}"] for setting in self.kind.settings}
        return Wanted(self.kind.name, params, given["cap"], given["stop_above"], self._when())

    def _when(self) -> Cron | None:
        at, every = self.cleaned_data.get("time"), self.cleaned_data.get("every")
        if every == AS_IT_IS and self._cron:
            kept = self._cron
            return Cron(
                kept.minute, kept.hour, kept.day_of_month, kept.month_of_year, kept.day_of_week, str(kept.timezone)
            )
        hour, minute = (str(at.hour), str(at.minute)) if at else ("3", "10")
        return {
            "15m": Cron(minute="*/15"),
            "hourly": Cron(minute=minute),
            "daily": Cron(minute, hour, zone=self._zone),
            "weekly": Cron(minute, hour, day_of_week=str(self.cleaned_data.get("day") or 0), zone=self._zone),
        }.get(every or "")


class HoldForm(ReasonForm):
    """A user or a channel that no policy may touch."""

    uid = forms.CharField(label=_("Uid"), required=False, max_length=200)
    channel_type = forms.TypedChoiceField(
        label=_("Or a channel of kind"),
        required=False,
        coerce=int,
        empty_value=2,  # type: ignore[arg-type]
        choices=[(int(number), word) for number, word in CHANNEL_KINDS.items()],
        initial=2,
    )
    channel = forms.CharField(label=_("Channel id"), required=False, max_length=500)
    field_order = ("uid", "channel_type", "channel", "reason")

    def wanted(self) -> dict[str, Any]:
        channel = self.cleaned_data["channel"].strip()
        return {
            "uid": self.cleaned_data["uid"],
            "channel": ChannelRef(channel, self.cleaned_data["channel_type"] or 2) if channel else None,
        }


def _told(policy: Policy | None) -> dict[str, Any]:
    """The fields as a stored policy has them."""
    if policy is None:
        return {}
    known: dict[str, Any] = {"cap": policy.cap, "stop_above": policy.stop_above, "every": ""}
    cron = policy.schedule.crontab if policy.schedule else None
    if cron is None:
        return known
    known["every"] = job_words.rhythm(cron) or AS_IT_IS
    if cron.day_of_week.isdecimal():
        known["day"] = int(cron.day_of_week)
    if cron.minute.isdecimal():
        hour = int(cron.hour) if cron.hour.isdecimal() else 0
        known["time"] = f"{hour:02}:{int(cron.minute):02}"
    return known
