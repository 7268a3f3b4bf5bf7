"""SMTP connections."""

from typing import Any

from django import forms

from mailing.forms.fields import AddressField, DomainsField
from mailing.models import SmtpConnection


class ConnectionForm(forms.ModelForm):
    """A password left empty keeps the one that is stored; it is never shown."""

    password = forms.CharField(
        required=False, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    from_email = AddressField(label="Default sender address", required=False)
    allowed_domains = DomainsField(
        label="Sender domains it accepts", required=False, help_text="Parted by commas; empty: any."
    )

    class Meta:
        model = SmtpConnection
        fields = [
            "name",
            "host",
            "port",
            "tls",
            "username",
            "password",
            "from_email",
            "from_name",
            "allowed_domains",
            "max_connections",
            "messages_per_connection",
            "per_second",
            "per_minute",
            "per_hour",
            "per_day",
            "warm_up_from",
            "warm_up_first_day",
            "is_enabled",
        ]
        widgets = {"warm_up_from": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.password:
            self.fields["password"].help_text = "One is stored. Leave this empty to keep it."

    def clean_password(self) -> str:
        return self.cleaned_data["password"] or self.instance.password


class ConnectionTestForm(forms.Form):
    to = AddressField(label="Send a test mail to")
