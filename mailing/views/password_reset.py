"""The pages on which somebody who has forgotten their password sets a new one, without being signed in."""

import logging

from django import forms
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import logins
from campaigns.annotations import Argument
from campaigns.forms import NewPasswordForm
from campaigns.requests import Request, client_address
from mailing import password_reset, site_mails
from mailing.forms.fields import AddressField

logger = logging.getLogger(__name__)


class AddressForm(forms.Form):
    email = AddressField(
        label=gettext_lazy("E-mail address of your account"),
        widget=forms.TextInput(attrs={"inputmode": "email", "autocomplete": "email"}),
    )


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def request_reset(request: Request) -> HttpResponse:
    """Ask for an e-mail address; the answer is the same whether or not an account has it."""
    form = AddressForm(request.POST or None)
    context = {"form": form, "can_send": site_mails.find_connection() is not None}
    if request.method != "POST" or not context["can_send"]:
        return render(request, "registration/password_reset.html", context)
    if not form.is_valid():
        return render(request, "registration/password_reset.html", context, status=422)
    if wait := password_reset.request_reset(form.cleaned_data["email"], client_address(request)):
        form.add_error(
            None,
            gettext("This was asked for too often. Try again in %(wait)s.")
            % {"wait": logins.describe_wait(wait)},
        )
        return render(request, "registration/password_reset.html", context, status=429)
    return render(request, "registration/password_reset.html", context | {"asked": True})


class NewPassword(PasswordResetConfirmView):
    """Django's own: the link works once and for a while, and sessions of the old password end.

    The link of somebody who was switched off leads nowhere: it may have gone to a wrong address, and a password that
    was set now would open the account once it is switched on again.
    """

    form_class = NewPasswordForm
    token_generator = password_reset.reset_tokens
    template_name = "registration/password_reset_confirm.html"
    success_url = reverse_lazy("mailing:password_reset_complete")

    def get_user(self, uidb64: str) -> User | None:
        user = super().get_user(uidb64)
        return user if user and user.is_active else None

    def form_valid(self, form: Argument) -> HttpResponse:
        response = super().form_valid(form)
        address = client_address(self.request) or "an unknown address"
        logins.remember_place(form.user.get_username(), client_address(self.request))
        logger.info("User %s has set a new password through a mailed link from %s.", form.user.pk, address)
        return response


@login_not_required
@require_GET
def complete(request: Request) -> HttpResponse:
    """Say that the password is set."""
    return render(request, "registration/password_reset_complete.html")
