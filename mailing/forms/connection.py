"""SMTP connections."""

from django import forms
from django.conf import settings
from django.utils.html import escape
from django.utils.translation import gettext, gettext_lazy

from campaigns.annotations import Argument, CleanedData
from mailing.forms.authority import AuthorityForm
from mailing.forms.bounces import clean_bounce_address
from mailing.forms.fields import AddressField, DomainsField
from mailing.forms.stored_secrets import describe_stored_secret, keep_stored_secret, make_secret_field
from mailing.models import SmtpConnection
from mailing.models.connection import OPEN_LOGIN
from mailing.sending.servers import find_hello_name
from mailing.smtp.server import is_hello_name, is_loopback

# Who changes one of these chooses who gets to know the password: the stored one does not go there by itself.
DESTINATION = ("host", "port", "tls", "username")


class ConnectionForm(AuthorityForm):
    """A password left empty keeps the one that is stored, unless it would go elsewhere; it is never shown."""

    password = make_secret_field()
    from_email = AddressField(label=gettext_lazy("Default sender address"), required=False)
    allowed_domains = DomainsField(
        label=gettext_lazy("Sender domains it accepts"),
        required=False,
        help_text=gettext_lazy("Separated by commas. Leave blank for any."),
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

    COLUMNS = (*Meta.fields, "authority")

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        default = find_hello_name(settings.PUBLIC_URL)
        self.fields["hello_name"].help_text = gettext(
            "Our name towards the server. Leave blank for %(escape)s."
        ) % {"escape": escape(default)}
        describe_stored_secret(self)

    def clean_hello_name(self) -> str:
        name: str = self.cleaned_data["hello_name"].strip()
        if name and not is_hello_name(name):
            raise forms.ValidationError(
                gettext(
                    "“%(name)s” is not a full host name: write it with its domain, such as mail.shop.example."
                )
                % {"name": name}
            )
        return name

    def clean_bounce_address(self) -> str:
        address = self.cleaned_data["bounce_address"]
        return clean_bounce_address(address) if address else ""

    def clean(self) -> CleanedData:
        cleaned: CleanedData = super().clean() or self.cleaned_data
        has_login = bool(cleaned.get("username"))
        if (
            has_login
            and cleaned.get("tls") == SmtpConnection.Tls.NONE
            and not is_loopback(cleaned.get("host", ""))
        ):
            self.add_error("tls", OPEN_LOGIN)
        if has_login:
            trusts_others = bool(cleaned.get("authority_file"))
            keep_stored_secret(self, cleaned, DESTINATION, trusts_others=trusts_others)
        return cleaned


class ConnectionTestForm(forms.Form):
    to = AddressField(label=gettext_lazy("Send a test mail to"))
