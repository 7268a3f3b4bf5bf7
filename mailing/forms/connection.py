"""SMTP connections."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.html import escape

from campaigns.generics import ModelForm
from mailing.forms.bounces import clean_bounce_address
from mailing.forms.fields import AddressField, DomainsField
from mailing.forms.passwords import keep_stored_password, make_password_field
from mailing.models import SmtpConnection
from mailing.models.connection import OPEN_LOGIN
from mailing.secrets import describe_trouble, is_stored
from mailing.sending.servers import find_hello_name
from mailing.smtp.server import is_hello_name, is_loopback, read_authorities

# Who changes one of these chooses who gets to know the password: the stored one does not go there by itself.
DESTINATION = ("host", "port", "tls", "username")
LARGEST_AUTHORITY = 256 * 1024  # bytes of certificates


class ConnectionForm(ModelForm[SmtpConnection]):
    """A password left empty keeps the one that is stored, unless it would go elsewhere; it is never shown."""

    password = make_password_field()
    from_email = AddressField(label="Default sender address", required=False)
    allowed_domains = DomainsField(
        label="Sender domains it accepts",
        required=False,
        help_text="Separated by commas. Leave blank for any.",
    )

    authority_file = forms.FileField(
        label="Certificate authority (PEM file)",
        required=False,
        help_text="For a server whose certificate comes from a private authority; trusted for this connection alone.",
        widget=forms.FileInput(attrs={"accept": ".pem,.crt,.cer"}),
    )
    forgets_authority = forms.BooleanField(label="Trust the usual authorities again", required=False)

    class Meta:
        model = SmtpConnection
        fields = [
            "name",
            "host",
            "port",
            "tls",
            "username",
            "password",
            "hello_name",
            "from_email",
            "from_name",
            "allowed_domains",
            "bounce_address",
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
        default = find_hello_name(settings.PUBLIC_URL)
        self.fields["hello_name"].help_text = f"How we greet the server; empty: {escape(default)}."
        if not self.instance.authority:
            self.fields["forgets_authority"].widget = forms.HiddenInput()
        if is_stored(self.instance, "password"):
            kept = (
                "One is stored. Leave this empty to keep it, as long as host, port, encryption and user stay."
            )
            self.fields["password"].help_text = escape(describe_trouble(self.instance, "password") or kept)

    def clean_hello_name(self) -> str:
        name: str = self.cleaned_data["hello_name"].strip()
        if name and not is_hello_name(name):
            raise forms.ValidationError(
                f"“{name}” is no full host name: write it with its domain, such as mail.shop.example."
            )
        return name

    def clean_bounce_address(self) -> str:
        address = self.cleaned_data["bounce_address"]
        return clean_bounce_address(address) if address else ""

    def clean_authority_file(self) -> str:
        """Return the certificates to trust, "" when none were uploaded."""
        file = self.cleaned_data["authority_file"]
        if not file:
            return ""
        if file.size > LARGEST_AUTHORITY:
            raise forms.ValidationError(
                f"The file is larger than {LARGEST_AUTHORITY // 1024} KB: it is no certificate."
            )
        try:
            return read_authorities(file.read())
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error

    def save(self, commit: bool = True) -> SmtpConnection:
        if authority := self.cleaned_data["authority_file"]:
            self.instance.authority = authority
        elif self.cleaned_data.get("forgets_authority"):
            self.instance.authority = ""
        return super().save(commit)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        has_login = bool(cleaned.get("username"))
        if (
            has_login
            and cleaned.get("tls") == SmtpConnection.Tls.NONE
            and not is_loopback(cleaned.get("host", ""))
        ):
            self.add_error("tls", OPEN_LOGIN)
        if has_login:
            trusts_others = bool(cleaned.get("authority_file"))
            keep_stored_password(self, cleaned, DESTINATION, trusts_others=trusts_others)
        return cleaned


class ConnectionTestForm(forms.Form):
    to = AddressField(label="Send a test mail to")
