"""Fields of secrets: never shown, kept when they are left empty, and not sent elsewhere by themselves."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.utils.html import escape
from django.utils.translation import gettext_lazy

from campaigns.annotations import Argument, CleanedData
from campaigns.generics import ModelForm
from mailing.secrets import describe_trouble, is_stored

PASSWORD = gettext_lazy("Password")
KEPT = gettext_lazy("One is stored. Leave this empty to keep it.")
KEPT_FOR_SERVER = gettext_lazy(
    "One is stored. Leave this empty to keep it, as long as host, port, encryption and user stay."
)
PASSWORD_STAYS = gettext_lazy(
    "Enter the password again: a stored one does not go to another host, port or user by itself."
)
SECRET_STAYS = gettext_lazy("Enter the secret again: a stored one does not go elsewhere by itself.")


def make_secret_field(label: Argument = PASSWORD, help_text: Argument = "") -> forms.CharField:
    """Return a field for a secret that may be left empty, and is drawn empty always."""
    return forms.CharField(
        label=label,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=help_text,
    )


def describe_stored_secret(
    # Any: connections, bounce mailboxes and OAuth logins have one
    form: ModelForm[Any],
    name: str = "password",
    *,
    is_kept: Argument = KEPT_FOR_SERVER,
) -> None:
    """Say beside the field `name` that a secret is stored, or why the stored one cannot be read.

    Args:
        is_kept: the sentence that says when it is kept.
    """
    if is_stored(form.instance, name):
        form.fields[name].help_text = escape(describe_trouble(form.instance, name) or is_kept)


def keep_stored_secret(
    form: ModelForm[Any],  # of any model with an encrypted secret
    cleaned: CleanedData,
    destination: Collection[str],
    name: str = "password",
    *,
    stays: Argument = PASSWORD_STAYS,
    trusts_others: bool = False,
) -> None:
    """Put the stored secret into `cleaned` where its field was left empty; complain where it would go elsewhere.

    Args:
        destination: the fields that decide who gets to know the secret.
        stays: the sentence that says where it does not go.
        trusts_others: another authority vouches for the server from now on.
    """
    if cleaned.get(name) or not is_stored(form.instance, name):
        return
    if trusts_others or goes_elsewhere(form, cleaned, destination):
        form.add_error(name, stays)
    cleaned[name] = getattr(form.instance, name)


def goes_elsewhere(
    form: ModelForm[Any],  # of any model with an encrypted secret
    cleaned: CleanedData,
    destination: Collection[str],
) -> bool:
    """Return whether one of the fields that decide who gets to know a secret differs from the stored row.

    To be asked before the form writes what was entered into its row.
    """
    return any(cleaned.get(name) != getattr(form.instance, name) for name in destination)
