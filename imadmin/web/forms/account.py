"""The form of one's own account.  "" means: as the browser says."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

LANGUAGES = [("", _("As the browser says")), ("en", "English"), ("zh-hans", "中文")]
THEMES = [("", _("As the system says")), ("light", _("Light")), ("dark", _("Dark"))]
DENSITIES = [("compact", _("Compact")), ("comfortable", _("Comfortable"))]


class PreferencesForm(forms.Form):
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES, required=False)
    theme = forms.ChoiceField(label=_("Theme"), choices=THEMES, required=False)
    density = forms.ChoiceField(label=_("Row height"), choices=DENSITIES, required=False)
    timezone = forms.ChoiceField(label=_("Time zone"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
        browser, utc = ("", _("As the browser says")), ("UTC", "UTC")
        self.fields["timezone"].choices = [browser, utc, *((name, name) for name in zones)]  # type: ignore[attr-defined]
