"""Webhooks of providers: the address that they call, and the page of a connection's webhook."""

import logging

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns import editions
from campaigns.requests import Request
from mailing.forms import WebhookForm
from mailing.models import Webhook
from mailing.views.confirmations import ask_for_confirmation
from mailing.views.connections import changing, find_connection
from mailing.webhooks import intake, keys
from mailing.webhooks.readers import BodyMalformed, ConfirmationFailed, SignatureRefused

logger = logging.getLogger(__name__)


@login_not_required
@csrf_exempt
@never_cache
@require_http_methods(["HEAD", "POST"])
def receive(request: HttpRequest, provider: str, pk: int) -> HttpResponse:
    """Take the events of a provider that proves itself; answer 2xx once all of them are stored."""
    webhook = get_object_or_404(Webhook.objects.select_related("connection"), pk=pk, provider=provider)
    if request.method == "HEAD":  # some providers try the address so
        return HttpResponse()
    try:
        intake.take_request(request, webhook)
    except SignatureRefused as error:
        logger.warning("An event for the webhook of “%s” is not believed: %s", webhook.connection, error)
        answer = HttpResponse("Nothing proves that the provider sent this.\n", "text/plain", 401)
        answer["WWW-Authenticate"] = 'Basic realm="webhook"'  # Amazon SNS logs in only when it is asked to
        return answer
    except BodyMalformed as error:
        logger.warning("An event for the webhook of “%s” cannot be read: %s", webhook.connection, error)
        return HttpResponse("The body cannot be read.\n", "text/plain", 400)
    except ConfirmationFailed as error:
        logger.warning("The webhook of “%s” cannot be confirmed: %s", webhook.connection, error)
        return HttpResponse("The subscription cannot be confirmed now.\n", "text/plain", 503)
    return HttpResponse("Taken.\n", "text/plain")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@changing
def connection_webhook(request: Request, pk: int) -> HttpResponse:
    """Show and save the form of a connection's webhook. The answer shows a new secret, and no later page does."""
    smtp = find_connection(pk)
    webhook = Webhook.objects.filter(pk=pk).first()
    form = WebhookForm(request.POST or None, webhook=webhook)
    seen = request.POST.get("seen") or keys.find_edition(webhook)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data
        try:
            saved, is_new = keys.choose_provider(
                smtp,
                chosen["provider"],
                chosen["signing_key"],
                by=request.user,
                seen=request.POST.get("seen"),
            )
        except editions.EditConflict as overtaken:
            form.refuse(overtaken.reasons)
            seen = overtaken.latest
        else:
            if saved and is_new:
                return show_secret(request, saved)
            messages.success(
                request,
                gettext("The webhook is saved.") if saved else gettext("This connection has no webhook now."),
            )
            return redirect(smtp)
    context = {"smtp": smtp, "webhook": webhook, "form": form, "seen": seen}
    return render(
        request, "mailing/connections/webhook_form.html", context, status=422 if form.errors else 200
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@changing
def webhook_rotate(request: Request, pk: int) -> HttpResponse:
    """Give a webhook a new secret; a GET asks first."""
    webhook = get_object_or_404(Webhook.objects.select_related("connection"), pk=pk)
    if webhook.is_signed_by_provider:
        return redirect("mailing:connection_webhook", pk)
    if request.method == "POST":
        return show_secret(request, keys.rotate_secret(pk, request.user))
    return ask_for_confirmation(
        request,
        title=gettext("Make a new secret for %(webhook)s?") % {"webhook": webhook},
        sentence=gettext(
            "The present secret is refused at once: enter the new address at the provider right away."
        ),
        label=gettext("Make a new secret"),
        back=webhook.connection.get_absolute_url(),
        menu_path=reverse("mailing:connections"),
    )


def show_secret(request: Request, webhook: Webhook) -> HttpResponse:
    """Show the secret of a webhook, once."""
    context = {"webhook": webhook, "address": keys.write_address(webhook)}
    return render(request, "mailing/connections/webhook_secret.html", context)
