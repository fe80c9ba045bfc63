"""The filters of the list of connections, as they stand in an address and as they are typed into its box."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from imadmin.core.errors import InvalidInput
from imadmin.monitor.connections import Filter, read, read_query
from imadmin.monitor.connections.terms import FIELDS

LONGEST = 1000


class FilterForm(forms.Form):
    """q: typed now, added to the filters that the address holds already.  Bound always; ask `wanted` when valid."""

    q = forms.CharField(
        label=_("Filter connections"),
        required=False,
        max_length=LONGEST,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, given: QueryDict) -> None:
        super().__init__({"q": given.get("q", "")})
        self.given = given
        self.wanted = Filter()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        here = self._read(lambda: _in_address(self.given))
        typed = self._read(lambda: read_query(cleaned.get("q", "")))
        for term in typed.terms:
            if term not in here.terms:
                here = here.toggled(term)
        self.wanted = here
        return cleaned

    def checked(self) -> Filter:
        """The filters, none when they can't be used."""
        return self.wanted if self.is_valid() else Filter()

    def _read(self, find: Callable[[], Filter]) -> Filter:
        """Every problem is told beside the box, named by the field that it is about."""
        try:
            return find()
        except InvalidInput as error:
            for field, sentences in error.fields.items():
                for sentence in sentences:
                    self.add_error("q", f"{'' if field == 'q' else f'{field}: '}{_(sentence)}")
            return Filter()


def _in_address(given: QueryDict) -> Filter:
    values = {field: given.getlist(field) for field in FIELDS}
    return read(values, is_remembered=given.get("known") == "remembered")


class SelectionForm(forms.Form):
    """Rows marked one by one, or all that the filters (sent along) match."""

    target = forms.Field(required=False)
    all = forms.BooleanField(required=False)

    def __init__(self, given: QueryDict) -> None:
        super().__init__(given)
        self.given = given

    def clean(self) -> dict[str, Any]:
        """`wanted`: a Filter or the keys that were marked."""
        cleaned = super().clean() or {}
        if cleaned.get("all"):
            try:
                return {"wanted": _in_address(self.given)}
            except InvalidInput as error:
                sentence = next(sentence for found in error.fields.values() for sentence in found)
                raise forms.ValidationError(str(_(sentence))) from None
        keys = {key for text in self.given.getlist("target") if (key := read_key(text))}
        if not keys:
            raise forms.ValidationError(_("Choose at least one connection."))
        return {"wanted": frozenset(keys)}


def read_key(text: str) -> tuple[int, int] | None:
    """ "1001-40118": node and connection."""
    node, dash, connection = text.partition("-")
    is_key = dash and all(part.isascii() and part.isdecimal() and len(part) < 20 for part in (node, connection))
    return (int(node), int(connection)) if is_key else None
