"""The preference page of a contact, and the page that confirms a new address. No login, no cookie: a signed link."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns.annotations import PageContext
from campaigns.refusals import Refused
from campaigns.requests import client_address
from mailing import preferences, site_mails
from mailing.forms.preferences import NewAddressForm, PreferencesForm
from mailing.preferences import Reader
from mailing.tracking import BadLink
from mailing.views.tracking import trim_token, use_language
from mailing.visitors import read_visitor

PAGE = "mailing/preferences.html"


@login_not_required
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def contact_preferences(request: HttpRequest, token: str) -> HttpResponse:
    """Show the preferences of a contact; a POST does what the pressed button says."""
    try:
        reader = preferences.find_reader(trim_token(token))
    except BadLink as error:
        with use_language(request):
            return render(request, PAGE, {"problem": str(error)}, status=404)
    with use_language(request, reader.contact.language if reader.contact else ""):
        return _answer(request, reader)


def _answer(request: HttpRequest, reader: Reader) -> HttpResponse:
    contact = reader.contact
    context: PageContext = {"reader": reader, "contact": contact}
    if contact is None or reader.suppression:
        return render(request, PAGE, context)
    data, do = (request.POST, request.POST.get("do")) if request.method == "POST" else (None, None)
    if do == "leave":
        preferences.unsubscribe_from_everything(reader, read_visitor(request.headers.get("User-Agent", "")))
        return render(request, PAGE, context | {"left": True})
    form = PreferencesForm(data if do == "save" else None, held=preferences.read_choices(contact))
    address = NewAddressForm(data if do == "address" else None, now=contact.email)
    if do == "save" and form.is_valid():
        preferences.save_choices(contact.pk, form.read_choices(), delivery_id=reader.delivery)
        context["saved"] = True
        contact.refresh_from_db()
        form = PreferencesForm(held=preferences.read_choices(contact))
    can_mail = site_mails.find_connection() is not None
    if do == "address" and can_mail and address.is_valid():
        wait = preferences.request_address_change(
            reader, address.cleaned_data["email"], client_address(request)
        )
        context |= {"asked_for": "" if wait else address.cleaned_data["email"], "too_often": bool(wait)}
    context |= {"form": form, "address": address, "can_mail": can_mail}
    has_errors = bool(form.errors or address.errors)
    with use_language(request, contact.language):  # which may just have changed
        return render(request, PAGE, context, status=422 if has_errors else 200)


@login_not_required
@csrf_exempt
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: HttpRequest, token: str) -> HttpResponse:
    """Show a button, and confirm the new address by its POST, once. A GET changes nothing: scanners follow links."""
    page, token = "mailing/confirm_address.html", trim_token(token)
    try:
        row = preferences.find_address_change(token)
    except BadLink as error:
        with use_language(request):
            return render(request, page, {"problem": str(error)}, status=404)
    with use_language(request, row.contact.language):
        if request.method != "POST":
            return render(request, page, {"change": row, "asks": True})
        try:
            return render(request, page, {"change": preferences.confirm_address(token)})
        except BadLink as error:  # somebody has pressed the button twice
            return render(request, page, {"problem": str(error)}, status=404)
        except Refused as refused:
            return render(request, page, {"refused": str(refused)}, status=409)
