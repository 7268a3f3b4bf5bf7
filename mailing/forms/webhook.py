"""The webhook of a connection."""

from django import forms
from django.utils.translation import gettext, gettext_lazy

from campaigns.annotations import Argument, CleanedData
from campaigns.forms import Refusable
from mailing.models import Webhook

Provider = Webhook.Provider


class WebhookForm(Refusable, forms.Form):
    """A key left empty keeps the one that is stored for this provider; it is never shown."""

    provider = forms.ChoiceField(
        label=gettext_lazy("Provider"),
        choices=[("", gettext_lazy("None")), *Provider.choices],
        required=False,
        help_text=gettext_lazy(
            "The provider whose server takes the mails of this connection. Another one gets a new "
            "address; “None” removes the webhook, and its events are refused."
        ),
    )
    signing_key = forms.CharField(
        label=gettext_lazy("Key that the provider signs with"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Mailgun, Resend and SendGrid show it on their page of webhooks."),
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
            self.add_error(
                "signing_key",
                gettext("Enter the key that %(label)s signs its events with.") % {"label": label},
            )
        elif key and not _is_key(provider, key):
            self.add_error(
                "signing_key",
                gettext("This is not a key of %(label)s: copy it from its page of webhooks.")
                % {"label": label},
            )
        return cleaned | {"signing_key": key}


def _is_key(provider: str, key: str) -> bool:
    from mailing.webhooks import readers  # takes a while, and no till needs it

    return readers.is_key(provider, key)
