"""SMTP connections."""

from typing import Any

from django import forms
from django.utils.html import escape

from mailing.forms.fields import AddressField, DomainsField
from mailing.models import SmtpConnection
from mailing.models.connection import OPEN_LOGIN
from mailing.secrets import describe_trouble, is_stored
from mailing.smtp.server import is_loopback

# Who changes one of these chooses who gets to know the password: the stored one does not go there by itself.
DESTINATION = ("host", "port", "tls", "username")


class ConnectionForm(forms.ModelForm):
    """A password left empty keeps the one that is stored, unless it would go elsewhere; it is never shown."""

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
        if is_stored(self.instance, "password"):
            kept = (
                "One is stored. Leave this empty to keep it, as long as host, port, encryption and user stay."
            )
            self.fields["password"].help_text = escape(describe_trouble(self.instance, "password") or kept)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        has_login = bool(cleaned.get("username"))
        if (
            has_login
            and cleaned.get("tls") == SmtpConnection.Tls.NONE
            and not is_loopback(cleaned.get("host", ""))
        ):
            self.add_error("tls", OPEN_LOGIN)
        if cleaned.get("password") or not is_stored(self.instance, "password"):
            return cleaned
        if has_login and any(cleaned.get(name) != getattr(self.instance, name) for name in DESTINATION):
            self.add_error(
                "password",
                "Enter the password again: a stored one does not go to another host, port or user by itself.",
            )
        cleaned["password"] = self.instance.password if has_login else ""
        return cleaned


class ConnectionTestForm(forms.Form):
    to = AddressField(label="Send a test mail to")
