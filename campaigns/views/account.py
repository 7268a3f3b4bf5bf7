"""The account of who is signed in."""

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView
from django.contrib.messages.views import SuccessMessageMixin
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext, gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import accounts
from campaigns.forms import OwnPasswordForm, UserSettingsForm
from campaigns.requests import Request


@require_GET
def account(request: Request) -> HttpResponse:
    """Show the account of the signed-in user."""
    roles = request.user.groups.values_list("name", flat=True)
    return render(request, "campaigns/account.html", {"roles": roles})


@require_http_methods(["GET", "HEAD", "POST"])
def user_settings(request: Request) -> HttpResponse:
    """Show and save the settings of the signed-in user."""
    assert isinstance(request.user, User)  # nobody else comes so far
    form = UserSettingsForm(request.POST or None, instance=accounts.settings_of(request.user))
    if request.method == "POST" and form.is_valid():
        accounts.save_settings(form.instance)
        messages.success(request, gettext("Your settings are saved."))
        return redirect("campaigns:settings")
    return render(request, "campaigns/settings.html", {"form": form})


if TYPE_CHECKING:  # generic in the stubs only
    SuccessMessage = SuccessMessageMixin[OwnPasswordForm]
else:
    SuccessMessage = SuccessMessageMixin


class PasswordChange(SuccessMessage, PasswordChangeView):
    """Django's own view, which keeps this session and ends the user's other sessions."""

    form_class = OwnPasswordForm
    template_name = "campaigns/password.html"
    success_url = reverse_lazy("campaigns:account")
    success_message = gettext_lazy("Your password is changed. Elsewhere you are signed out.")
