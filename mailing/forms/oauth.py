"""The registration of a login by OAuth 2."""

from django import forms

from campaigns.annotations import Argument, CleanedData
from campaigns.generics import ModelForm
from mailing import oauth
from mailing.models import OAuthGrant
from mailing.secrets import is_stored

# Who changes one of these chooses who gets the stored secret and the tokens.
DESTINATION = ("provider", "client_id", "token_url")
ADDRESSES = ("authorize_url", "token_url")
OPEN_ADDRESS = "A secret goes there: give an address that begins with https://."


class OAuthForm(ModelForm[OAuthGrant]):
    """A secret left empty keeps the one that is stored, unless it would go elsewhere; it is never shown."""

    client_secret = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Leave blank for a registration without one.",
    )

    class Meta:
        model = OAuthGrant
        fields = ["provider", "client_id", "client_secret", "authorize_url", "token_url", "scope"]

    def __init__(self, *args: Argument, kind: str, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        self._kind = kind
        for name in (*ADDRESSES, "scope"):
            self.fields[name].required = False
        if is_stored(self.instance, "client_secret"):
            self.fields["client_secret"].help_text = "One is stored. Leave this empty to keep it."

    def clean(self) -> CleanedData:
        cleaned: CleanedData = super().clean() or self.cleaned_data
        defaults = oauth.find_defaults(cleaned.get("provider", ""), self._kind)
        for name, default in zip((*ADDRESSES, "scope"), defaults, strict=True):
            is_of_another = "provider" in self.changed_data and name not in self.changed_data
            cleaned[name] = (not is_of_another and cleaned.get(name)) or default
            if not cleaned[name] and name not in self.errors:
                self.add_error(name, "Another provider needs this: look at its page on OAuth 2.")
            elif name in ADDRESSES and cleaned[name] and not oauth.is_safe_address(cleaned[name]):
                self.add_error(name, OPEN_ADDRESS)
        if not cleaned.get("client_secret") and is_stored(self.instance, "client_secret"):
            if self._goes_elsewhere(cleaned):
                self.add_error(
                    "client_secret", "Enter the secret again: a stored one does not go elsewhere by itself."
                )
            cleaned["client_secret"] = self.instance.client_secret
        return cleaned

    def _goes_elsewhere(self, cleaned: CleanedData) -> bool:
        return any(cleaned.get(name) != self.initial.get(name) for name in DESTINATION)

    def save(self, commit: bool = True) -> OAuthGrant:
        """Tokens of another registration go; what was wrong with the last consent may be right now."""
        if self._goes_elsewhere(self.cleaned_data):
            self.instance.access_token = self.instance.refresh_token = ""
        self.instance.trouble = ""
        return super().save(commit)
