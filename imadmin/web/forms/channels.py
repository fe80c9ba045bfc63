"""What is typed on the channel pages.  What may be done with it is decided in directory.actions."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from imadmin.audit.record import REASON_MAX, REASON_MIN
from imadmin.directory.queries.flags import FLAGS, FlagState
from imadmin.directory.uids import UidList, parse_uids, read_uids
from imadmin.gateway.types import ChannelFlags, ChannelRef, ChannelType
from imadmin.web.forms.ends import EndFields
from imadmin.web.message_words import CHANNEL_KINDS

PAGE_SIZES = (50, 100, 200)
RECORDS = "records"
MONO = {"class": "mono", "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}

FLAG_LABELS = {
    "ban": _("Close the channel (ban)"),
    "disband": _("Disband"),
    "send_ban": _("Stop sending (send_ban)"),
    "allow_stranger": _("Strangers may write (allow_stranger)"),
    "large": _("Large group (large)"),
}
FLAG_HINTS = {
    "ban": _("Nobody may send, not even through the API: clients get reason 19, API sends vanish. Members, lists and "
             "history stay."),
    "disband": _("Nobody may send: clients get reason 24. Nothing is deleted: messages, members, lists and "
                 "conversations stay. Undo it by switching it off."),
    "send_ban": _("Does nothing on a channel; this server looks at it only on a person's own entry."),
    "allow_stranger": _("The server stores it and checks it nowhere."),
    "large": _("The server stores it and checks it nowhere."),
}  # fmt: skip


class KeptSelect(forms.Select):
    """Shows what the address says, even when it is none of the choices, so that the error stands beside it."""

    def optgroups(self, name: str, value: list[str], attrs: dict[str, Any] | None = None) -> list[Any]:
        known = {str(choice) for choice, _word in self.choices}
        extra = [(typed, typed[:80]) for typed in value if typed and typed not in known]
        before, self.choices = self.choices, [*self.choices, *extra]
        try:
            return super().optgroups(name, value, attrs)
        finally:
            self.choices = before


def _choice(label: Any, choices: Any, *, error: Any, required: bool = False) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label, choices=choices, required=required, widget=KeptSelect, error_messages={"invalid_choice": error}
    )


class PageForm(forms.Form):
    """How many rows, and which page of them."""

    limit = _choice(_("Rows"), [(str(size), str(size)) for size in PAGE_SIZES], error=_("Choose 50, 100 or 200 rows."))

    @property
    def rows(self) -> int:
        return int(self.cleaned_data.get("limit") or PAGE_SIZES[0])

    @property
    def marker(self) -> str:
        """Not a field: nobody types it, so what is wrong with it stands above the form."""
        return str(self.data.get("cursor") or "")


class ChannelListForm(PageForm):
    source = _choice(_("List"), [], error=_("There is no such list; choose one."))
    type = _choice(
        _("Kind"),
        [("", _("Any")), *((str(int(number)), word) for number, word in CHANNEL_KINDS.items())],
        error=_("There is no such kind of channel; choose one."),
    )
    field_order = ("source", "type", "limit")

    def __init__(self, data: Any, nodes: tuple[int, ...]) -> None:
        super().__init__(data)
        self.fields["source"].choices = [  # type: ignore[attr-defined]
            (RECORDS, _("Channel records")),
            *((str(node), _("Every channel used, node %(node)s") % {"node": node}) for node in nodes),
        ]

    @property
    def node(self) -> int | None:
        """None = the server's own list of records."""
        source = self.cleaned_data.get("source") or RECORDS
        return None if source == RECORDS else int(source)

    @property
    def kind(self) -> int | None:
        return int(self.cleaned_data["type"]) if self.cleaned_data.get("type") else None


class OpenForm(forms.Form):
    """A channel by its exact id, or the chat of two people."""

    type = forms.IntegerField(
        label=_("Kind"),
        min_value=0,
        max_value=255,
        initial=int(ChannelType.GROUP),
        error_messages={"invalid": _("A kind is a number from 0 to 255."), "required": _("Choose the kind.")},
        widget=KeptSelect(choices=[(str(int(number)), word) for number, word in CHANNEL_KINDS.items()]),
    )
    id = forms.CharField(
        label=_("Exact channel id, or a uid"), strip=False, max_length=500, widget=forms.TextInput(attrs=MONO)
    )
    other = forms.CharField(
        label=_("Second uid, for a person chat"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs=MONO),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="open_%s")  # it stands on a page that has a field "type" already

    def clean_id(self) -> str:
        text: str = self.cleaned_data["id"]
        if not text.strip():
            raise forms.ValidationError(_("Give the channel's id."))
        if "\x00" in text:
            raise forms.ValidationError(_("An id can't hold this character."))
        return text

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or {}
        if found.get("other") and found.get("type") != ChannelType.PERSON:
            self.add_error("other", _("Only person chats are named by two uids."))
        return found

    def channel(self) -> ChannelRef:
        found = self.cleaned_data
        if found["other"]:
            return ChannelRef.person(found["id"].strip(), found["other"].strip())
        halves = found["id"].strip().split("@")
        if found["type"] == ChannelType.PERSON and len(halves) == 2 and all(halves):
            # Either order is the same chat; only one of them is how the server keeps it.
            return ChannelRef.person(*halves)
        return ChannelRef(found["id"], found["type"])


class UidsForm(forms.Form):
    """A pasted list, or rows that were chosen (`target`), and whether they join or leave."""

    uids = forms.CharField(
        label=_("Uids, one a line or separated by commas"),
        required=False,
        strip=False,
        max_length=1_100_000,
        widget=forms.Textarea(attrs={**MONO, "rows": 4}),
        error_messages={"max_length": _("This is more text than 5000 uids can be.")},
    )
    verb = forms.ChoiceField(choices=[("add", "add"), ("remove", "remove")], widget=forms.HiddenInput, initial="add")

    def wanted(self) -> UidList:
        """Raises InvalidInput for more than can be changed at once."""
        chosen = self.data.getlist("target") if hasattr(self.data, "getlist") else []
        return read_uids(chosen) if chosen else parse_uids(self.cleaned_data["uids"])


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason, kept in the audit"),
        required=False,  # the action says what a reason must be, in one place
        widget=forms.TextInput(attrs={"autocomplete": "off", "minlength": REASON_MIN, "maxlength": REASON_MAX}),
    )


class ListReasonForm(ReasonForm, EndFields):
    """The ends are shown and heard only where people are denied."""


class ApplyForm(ListReasonForm):
    plan = forms.CharField(max_length=16, widget=forms.HiddenInput)
    verb = forms.ChoiceField(choices=[("add", "add"), ("remove", "remove")], widget=forms.HiddenInput)


class FlagsForm(ReasonForm):
    """All five flags: what nobody knows has to be chosen, because it is overwritten too."""

    state = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)
    field_order = (*FLAGS, "reason")

    def __init__(self, data: Any, flags: FlagState, wished: dict[str, str] | None = None) -> None:
        known = {value.name: str(int(value.value)) for value in flags.values if value.value is not None}
        super().__init__(data, initial={**known, **(wished or {}), "state": flags.state})
        for name in FLAGS:
            choices = [("0", _("Off")), ("1", _("On"))]
            if name not in known:
                choices = [("", _("unknown: choose")), *choices]
            self.fields[name] = forms.ChoiceField(
                label=FLAG_LABELS[name],
                help_text=FLAG_HINTS[name],
                choices=choices,
                widget=KeptSelect,
                error_messages={
                    "required": _("Choose: nobody knows what it is now, and writing overwrites it."),
                    "invalid_choice": _("Choose on or off."),
                },
            )
        self.order_fields(self.field_order)

    def flags(self) -> ChannelFlags:
        return ChannelFlags(**{name: self.cleaned_data[name] == "1" for name in FLAGS})


class CreateForm(ReasonForm):
    type = forms.IntegerField(
        label=_("Kind"),
        initial=int(ChannelType.GROUP),
        error_messages={"invalid": _("A kind is a number from 1 to 255."), "required": _("Choose the kind.")},
        widget=KeptSelect(
            choices=[(str(int(number)), word) for number, word in CHANNEL_KINDS.items() if number != ChannelType.PERSON]
        ),
    )
    id = forms.CharField(label=_("Channel id"), required=False, strip=False, widget=forms.TextInput(attrs=MONO))
    members = forms.CharField(
        label=_("First members, one a line or separated by commas"),
        required=False,
        strip=False,
        max_length=1_100_000,
        widget=forms.Textarea(attrs={**MONO, "rows": 5}),
    )
    ban = forms.BooleanField(label=_("Closed from the start (ban)"), required=False)
    disband = forms.BooleanField(label=_("Disbanded from the start (disband)"), required=False)
    send_ban = forms.BooleanField(label=FLAG_LABELS["send_ban"], help_text=FLAG_HINTS["send_ban"], required=False)
    allow_stranger = forms.BooleanField(
        label=FLAG_LABELS["allow_stranger"], help_text=FLAG_HINTS["allow_stranger"], required=False
    )
    large = forms.BooleanField(label=FLAG_LABELS["large"], help_text=FLAG_HINTS["large"], required=False)
    field_order = ("type", "id", "members", *FLAGS, "reason")

    def channel(self) -> ChannelRef:
        return ChannelRef(self.cleaned_data["id"], self.cleaned_data["type"])

    def flags(self) -> ChannelFlags:
        return ChannelFlags(**{name: self.cleaned_data[name] for name in FLAGS})


class MembersForm(PageForm):
    """Which part of a list."""

    q = forms.CharField(
        label=_("Part of a uid"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={**MONO, "type": "search"}),
    )
    field_order = ("q", "limit")

    @property
    def part(self) -> str:
        return str(self.cleaned_data["q"]).strip()
