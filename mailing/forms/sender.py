from django import forms
from django.utils.translation import gettext, gettext_lazy

from mailing.senders.domains import read_domain_name


class SenderDomainForm(forms.Form):
    """A domain that mails come from."""

    name = forms.CharField(
        label=gettext_lazy("Sender domain"),
        max_length=253,
        error_messages={
            "required": gettext_lazy("Sender domain: type what stands behind the @ of the sender address.")
        },
        widget=forms.TextInput(
            attrs={"placeholder": "shop.example", "autocomplete": "off", "spellcheck": "false"}
        ),
    )

    def clean_name(self) -> str:
        try:
            return read_domain_name(self.cleaned_data["name"])
        except ValueError as error:
            raise forms.ValidationError(
                gettext("Sender domain: “%(name)s” is not a domain, such as shop.example.")
                % {"name": self.cleaned_data["name"][:100]}
            ) from error
