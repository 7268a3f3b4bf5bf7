"""Fields of contacts and mails: addresses, a language, a time zone, days of the week, files."""

import re

from django import forms
from django.utils.translation import gettext, gettext_lazy

from campaigns import zones
from campaigns.annotations import Argument, ColumnValue
from campaigns.stored_sentences import translate_stored
from mailing.addresses import normalise_address
from mailing.languages import read_language
from mailing.sending.windows import WEEKDAYS


class AddressField(forms.CharField):
    """One e-mail address, in the spelling it is stored and compared in."""

    def __init__(self, **kwargs: Argument) -> None:
        # not type="email": browsers know no international addresses
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "email", "autocomplete": "off"}))
        super().__init__(max_length=254, **kwargs)

    def clean(self, value: ColumnValue) -> str:
        address = super().clean(value)
        return read_address(address) if address else ""


class LanguageField(forms.CharField):
    """A language, typed by its name or its tag; its value is the tag."""

    def __init__(self, **kwargs: Argument) -> None:
        kwargs.setdefault("widget", forms.TextInput(attrs={"list": "languages", "autocomplete": "off"}))
        kwargs.setdefault("help_text", gettext_lazy("Its name or its tag, as in German, de or pt-BR."))
        super().__init__(max_length=100, required=False, **kwargs)

    def clean(self, value: ColumnValue) -> str:
        written = super().clean(value)
        tag = read_language(written)
        if written and not tag:
            raise forms.ValidationError(
                gettext(
                    "“%(written)s” is not a language we know: write its name, or its tag as in de or pt-BR."
                )
                % {"written": written[:50]}
            )
        return tag


class TimeZoneField(forms.ChoiceField):
    """A time zone to choose. Its value is the IANA name, or "" for the zone of the contact's country."""

    def __init__(self, **kwargs: Argument) -> None:
        kwargs.setdefault(
            "help_text", gettext_lazy("Leave blank for that of the country, else that of the site.")
        )
        super().__init__(required=False, choices=_list_zone_choices, **kwargs)


def _list_zone_choices() -> list[tuple[str, str | list[tuple[str, str]]]]:
    return [("", gettext("That of the country")), ("UTC", "UTC"), *zones.list_cities()]


class AddressesField(forms.CharField):
    """Several addresses, separated by commas, semicolons, blanks or lines. Its value lists each once, in that order.

    Each may be written with a name, as in Ada <ada@example.com>.
    """

    def __init__(self, *, most: int, **kwargs: Argument) -> None:
        self.most = most
        super().__init__(**kwargs)

    def clean(self, value: ColumnValue) -> list[str]:
        words = _split_words(super().clean(value))
        addresses = list(dict.fromkeys(read_address(word) for word in words))
        if len(addresses) > self.most:
            raise forms.ValidationError(
                gettext("These are %(count)s addresses; at most %(most)s are allowed.")
                % {"count": len(addresses), "most": self.most}
            )
        return addresses


class DomainsField(forms.CharField):
    """Domains, separated by commas, blanks or line breaks. Its value is a list."""

    def prepare_value(self, value: ColumnValue) -> ColumnValue:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: ColumnValue) -> list[str]:
        words = [word for word in re.split(r"[,;\s]+", super().clean(value)) if word]
        return [read_address(f"x@{word}").partition("@")[2] for word in words]

    def has_changed(self, initial: ColumnValue, data: ColumnValue) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class DaysField(forms.MultipleChoiceField):
    """Days of the week, kept as their numbers in one text: 12345."""

    widget = forms.CheckboxSelectMultiple

    def __init__(self, **kwargs: Argument) -> None:
        super().__init__(choices=WEEKDAYS, **kwargs)

    def prepare_value(self, value: ColumnValue) -> ColumnValue:
        return list(value) if isinstance(value, str) else value

    def clean(self, value: ColumnValue) -> str:
        return "".join(sorted(super().clean(value)))

    def has_changed(self, initial: ColumnValue, data: ColumnValue) -> bool:
        return super().has_changed(self.prepare_value(initial), data)


class CsvField(forms.FileField):
    """A CSV file of at most `limit` bytes."""

    def __init__(self, *, limit: int, **kwargs: Argument) -> None:
        self.limit = limit
        kwargs.setdefault("widget", forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,text/csv"}))
        super().__init__(label=gettext_lazy("CSV file"), **kwargs)

    def clean(self, data: ColumnValue, initial: ColumnValue = None) -> ColumnValue:
        file = super().clean(data, initial)
        if file.size > self.limit:
            raise forms.ValidationError(
                gettext("The file has %(size)s MB; at most %(limit)s are taken: cut it into several.")
                % {"size": file.size // 2**20, "limit": self.limit // 2**20}
            )
        return file


def _split_words(text: str) -> list[str]:
    """Split at commas, semicolons and blanks, but keep a name with its address in angle brackets together."""
    if "<" not in text:
        return [word for word in re.split(r"[,;\s]+", text) if word]
    named = r'(?:"[^"\n]{0,100}"|[^<>",;\n@]){0,100}<[^<>\n]{0,300}>'
    return [word.strip() for word in re.findall(rf"{named}|[^,;\s]+", text) if word.strip()]


def read_address(word: str) -> str:
    """Return an e-mail address in the spelling it is stored in.

    Raises:
        ValidationError: it is not an e-mail address.
    """
    try:
        return normalise_address(word)
    except ValueError as error:
        raise forms.ValidationError(translate_stored(str(error))) from error
