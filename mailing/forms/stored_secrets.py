"""Passwords of servers: never shown, kept when their field is left empty, and not sent elsewhere by themselves."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.utils.html import escape

from campaigns.annotations import CleanedData
from campaigns.generics import ModelForm
from mailing.secrets import describe_trouble, is_stored


def make_password_field() -> forms.CharField:
    """Return a field for a password that may be left empty, and is drawn empty always."""
    return forms.CharField(
        required=False, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )


# Any: connections and bounce mailboxes have one
def describe_stored_password(form: ModelForm[Any]) -> None:
    """Say beside the field that a password is stored, or why the stored one cannot be read."""
    if is_stored(form.instance, "password"):
        kept = "One is stored. Leave this empty to keep it, as long as host, port, encryption and user stay."
        form.fields["password"].help_text = escape(describe_trouble(form.instance, "password") or kept)


def keep_stored_password(
    form: ModelForm[Any],  # of any model with an encrypted password
    cleaned: CleanedData,
    destination: Collection[str],
    *,
    trusts_others: bool = False,
) -> None:
    """Put the stored password into `cleaned` where the field was left empty; complain where it would go elsewhere.

    Args:
        destination: the fields that decide who gets to know the password.
        trusts_others: another authority vouches for the server from now on.
    """
    if cleaned.get("password") or not is_stored(form.instance, "password"):
        return
    if trusts_others or any(cleaned.get(name) != getattr(form.instance, name) for name in destination):
        form.add_error(
            "password",
            "Enter the password again: a stored one does not go to another host, port or user by itself.",
        )
    cleaned["password"] = form.instance.password
