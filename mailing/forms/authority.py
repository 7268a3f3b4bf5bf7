"""The certificate authority of a server of one's own: uploaded as a file, trusted for that server alone."""

from typing import Any

from cryptography.x509 import load_pem_x509_certificates
from django import forms
from django.utils.translation import gettext, gettext_lazy

from campaigns import database_time, dates
from campaigns.annotations import Argument
from campaigns.forms import Refusable
from campaigns.generics import ModelForm
from campaigns.stored_sentences import translate_stored
from mailing.smtp.server import read_authorities

LARGEST_AUTHORITY = 256 * 1024  # bytes of certificates


class AuthorityForm(Refusable, ModelForm[Any]):  # of any model with an authority
    """A file left empty keeps the authority that is stored."""

    authority_file = forms.FileField(
        label=gettext_lazy("Certificate authority (PEM file)"),
        required=False,
        help_text=gettext_lazy(
            "For a server whose certificate comes from a private authority; trusted for this server alone."
        ),
        widget=forms.FileInput(attrs={"accept": ".pem,.crt,.cer"}),
    )
    forgets_authority = forms.BooleanField(
        label=gettext_lazy("Trust the usual authorities again"), required=False
    )

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.authority:
            self.fields["forgets_authority"].widget = forms.HiddenInput()

    def clean_authority_file(self) -> str:
        """Return the certificates to trust, "" when none were uploaded."""
        file = self.cleaned_data["authority_file"]
        if not file:
            return ""
        if file.size > LARGEST_AUTHORITY:
            raise forms.ValidationError(
                gettext("The file is larger than %(largest)s KB: it is not a certificate.")
                % {"largest": LARGEST_AUTHORITY // 1024}
            )
        try:
            authority = read_authorities(file.read())
        except ValueError as error:
            raise forms.ValidationError(translate_stored(str(error))) from error
        ends = [each.not_valid_after_utc for each in load_pem_x509_certificates(authority.encode())]
        if max(ends) < database_time.now():
            raise forms.ValidationError(
                gettext("The certificate ended on %(day)s: ask for the one that is used now.")
                % {"day": dates.write_day_of(max(ends))}
            )
        return authority

    def save(self, commit: bool = True) -> Any:  # Any: the form's own model
        if authority := self.cleaned_data["authority_file"]:
            self.instance.authority = authority
        elif self.cleaned_data.get("forgets_authority"):
            self.instance.authority = ""
        return super().save(commit)
