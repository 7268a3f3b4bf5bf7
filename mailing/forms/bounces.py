"""Bounce mailboxes, and the judgement of a message."""

import re

from django import forms
from django.utils.translation import gettext, gettext_lazy

from campaigns.annotations import Argument, CleanedData
from campaigns.stored_sentences import translate_stored
from mailing.addresses import normalise_address
from mailing.forms.authority import AuthorityForm
from mailing.forms.fields import DomainsField
from mailing.forms.stored_secrets import describe_stored_secret, keep_stored_secret, make_secret_field
from mailing.models import BounceMailbox
from mailing.sending import return_paths
from mailing.smtp.server import is_loopback

DESTINATION = ("kind", "host", "port", "tls", "username")
_is_folder_name = re.compile(r"[.-]*\w[\w.-]*").fullmatch


def clean_bounce_address(value: str) -> str:
    """Return a bounce address in its one spelling, its * kept.

    Raises:
        ValidationError: it is no address.
    """
    value = value.strip()
    if value.count(return_paths.PLACE) > 1:
        raise forms.ValidationError(gettext("A bounce address has one * at most: the place of the token."))
    try:
        address = normalise_address(value.replace(return_paths.PLACE, "x" * 36))
    except ValueError as error:
        raise forms.ValidationError(translate_stored(str(error))) from error
    return address.replace("x" * 36, return_paths.PLACE) if return_paths.PLACE in value else address


class BounceMailboxForm(AuthorityForm):
    """A password left empty keeps the one that is stored, unless it would go elsewhere; it is never shown."""

    password = make_secret_field()
    sender_domains = DomainsField(
        label=gettext_lazy("Sender domains"),
        required=False,
        help_text=gettext_lazy(
            "Mails of these senders come back here. Separated by commas; leave blank for all."
        ),
    )

    class Meta:
        model = BounceMailbox
        fields = [
            "name",
            "address",
            "sender_domains",
            "kind",
            "host",
            "port",
            "tls",
            "username",
            "password",
            "folder",
            "is_enabled",
        ]
        help_texts = {
            "address": gettext_lazy(
                "Each mail gets one of its own: bounces@shop.example becomes bounces+token@shop.example, and "
                "*@bounces.shop.example becomes token@bounces.shop.example."
            ),
        }

    COLUMNS = (*Meta.fields, "authority")

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        describe_stored_secret(self)

    def clean_address(self) -> str:
        return clean_bounce_address(self.cleaned_data["address"])

    def clean(self) -> CleanedData:
        cleaned: CleanedData = super().clean() or self.cleaned_data
        if cleaned.get("kind") == BounceMailbox.Kind.MAILDIR:
            if not _is_folder_name(cleaned.get("folder", "")):
                self.add_error("folder", gettext("Give the name of a maildir, without a path."))
            return cleaned
        if not cleaned.get("host"):
            self.add_error("host", gettext("Say which server holds the mailbox."))
        elif cleaned.get("tls") == BounceMailbox.Tls.NONE and not is_loopback(cleaned["host"]):
            self.add_error(
                "tls",
                gettext("A password goes to another machine with encryption only: choose STARTTLS or TLS."),
            )
        trusts_others = bool(cleaned.get("authority_file"))
        keep_stored_secret(self, cleaned, DESTINATION, trusts_others=trusts_others)
        return cleaned
