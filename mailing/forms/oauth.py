"""The registration of a login by OAuth 2."""

from django.utils.translation import gettext, gettext_lazy

from campaigns.annotations import Argument, CleanedData
from campaigns.forms import Refusable
from campaigns.generics import ModelForm
from mailing import oauth
from mailing.forms.stored_secrets import (
    KEPT,
    SECRET_STAYS,
    describe_stored_secret,
    goes_elsewhere,
    keep_stored_secret,
    make_secret_field,
)
from mailing.models import OAuthGrant

# Who changes one of these chooses who gets the stored secret and the tokens.
DESTINATION = ("provider", "client_id", "token_url")
ADDRESSES = ("authorize_url", "token_url")
OPEN_ADDRESS = gettext_lazy("A secret goes there: give an address that begins with https://.")


class OAuthForm(Refusable, ModelForm[OAuthGrant]):
    """A secret left empty keeps the one that is stored, unless it would go elsewhere; it is never shown."""

    client_secret = make_secret_field(
        gettext_lazy("Client secret"), gettext_lazy("Leave blank for a registration without one.")
    )

    class Meta:
        model = OAuthGrant
        fields = ["provider", "client_id", "client_secret", "authorize_url", "token_url", "scope"]

    COLUMNS = tuple(Meta.fields)

    def __init__(self, *args: Argument, kind: str, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        self._kind = kind
        for name in (*ADDRESSES, "scope"):
            self.fields[name].required = False
        describe_stored_secret(self, "client_secret", is_kept=KEPT)

    def clean(self) -> CleanedData:
        cleaned: CleanedData = super().clean() or self.cleaned_data
        defaults = oauth.find_defaults(cleaned.get("provider", ""), self._kind)
        for name, default in zip((*ADDRESSES, "scope"), defaults, strict=True):
            is_of_another = "provider" in self.changed_data and name not in self.changed_data
            cleaned[name] = (not is_of_another and cleaned.get(name)) or default
            if not cleaned[name] and name not in self.errors:
                self.add_error(name, gettext("Another provider needs this: look at its page on OAuth 2."))
            elif name in ADDRESSES and cleaned[name] and not oauth.is_safe_address(cleaned[name]):
                self.add_error(name, OPEN_ADDRESS)
        keep_stored_secret(self, cleaned, DESTINATION, "client_secret", stays=SECRET_STAYS)
        self._is_another = goes_elsewhere(self, cleaned, DESTINATION)
        return cleaned

    def save(self, commit: bool = True) -> OAuthGrant:
        """Save the registration, without the tokens of another one and without the trouble of the last consent."""
        if self._is_another:
            self.instance.access_token = self.instance.refresh_token = ""
        self.instance.trouble = ""
        return super().save(commit)
