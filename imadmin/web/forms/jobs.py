"""Forms of the jobs pages: the filters (all in the address), and starting a job by hand."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from imadmin.jobs.queries import RunFilter
from imadmin.jobs.registry import Job
from imadmin.web import job_words
from imadmin.web.forms.users import ReasonForm


class RunFilterForm(forms.Form):
    job = forms.ChoiceField(label=_("Job"), required=False)
    state = forms.ChoiceField(label=_("State"), required=False)
    routine = forms.ChoiceField(label=_("Routine runs"), required=False)

    def __init__(self, *args: Any, jobs: Iterable[Job], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = sorted((gettext(job.title), job.name) for job in jobs)
        states = [(code, str(word)) for code, (_shape, word) in job_words.STATES.items()]
        choices = {
            "job": [("", gettext("All")), *((name, word) for word, name in words)],
            "state": [
                ("", gettext("Any")),
                ("open", gettext("Under way")),
                ("trouble", gettext("Failed, lost or missed")),
                *states,
            ],
            "routine": [("", gettext("only with trouble")), ("all", gettext("shown"))],
        }
        for name, values in choices.items():
            self.fields[name].choices = values  # type: ignore[attr-defined]

    def wanted(self) -> RunFilter:
        typed = self.cleaned_data
        return RunFilter(job=typed["job"], state=typed["state"], routine=typed["routine"] == "all")


class StartForm(ReasonForm):
    job = forms.ChoiceField(label=_("Job"))
    field_order = ("job", "reason")

    def __init__(self, *args: Any, jobs: Iterable[Job], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["job"].choices = [(job.name, gettext(job.title)) for job in jobs]  # type: ignore[attr-defined]
