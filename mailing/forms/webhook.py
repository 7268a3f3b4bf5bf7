"""The webhook of a connection."""

from django import forms

from campaigns.annotations import Argument, CleanedData
from mailing.models import Webhook

Provider = Webhook.Provider


class WebhookForm(forms.Form):
    """A key left empty keeps the one that is stored for this provider; it is never shown."""

    provider = forms.ChoiceField(
        choices=[("", "None"), *Provider.choices],
        required=False,
        help_text="The provider whose server takes the mails of this connection. Another one gets a new "
        "address; “None” removes the webhook, and its events are refused.",
    )
    signing_key = forms.CharField(
        label="Key that the provider signs with",
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Mailgun, Resend and SendGrid show it on their page of webhooks.",
    )

    def __init__(self, *args: Argument, webhook: Webhook | None, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        self._webhook = webhook
        if webhook:
            self.fields["provider"].initial = webhook.provider

    def clean(self) -> CleanedData:
        cleaned: CleanedData = super().clean() or self.cleaned_data
        provider, key = cleaned.get("provider"), cleaned.get("signing_key", "").strip()
        if provider not in Webhook.SIGNING:
            return cleaned | {"signing_key": ""}
        is_stored = self._webhook and self._webhook.provider == provider and self._webhook.signing_key
        label = Provider(provider).label
        if not key and not is_stored:
            self.add_error("signing_key", f"Enter the key that {label} signs its events with.")
        elif key and not _is_key(provider, key):
            self.add_error("signing_key", f"This is not a key of {label}: copy it from its page of webhooks.")
        return cleaned | {"signing_key": key}


def _is_key(provider: str, key: str) -> bool:
    from mailing.webhooks import readers  # takes a while, and no till needs it

    return readers.is_key(provider, key)
