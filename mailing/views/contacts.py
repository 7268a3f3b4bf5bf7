"""Contacts."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import database_time, dates, editions
from campaigns.annotations import PageContext
from campaigns.languages import use_stored_language
from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.stored_sentences import translate_stored
from campaigns.workspace.responses import csv_response
from mailing import (
    audience,
    contact_history,
    contacts,
    global_hold_out,
    local_time,
    privacy,
    recipient_reasons,
)
from mailing.audience import list_recent_attribute_names
from mailing.countries import name_country
from mailing.forms import ContactFilterForm, ContactForm
from mailing.languages import list_languages, name_language
from mailing.models import Contact, EmailCampaign, Event, PreferenceChange, Suppression, TrackingConsent
from mailing.views.confirmations import delete_when_confirmed
from pos.models import Sale
from promotions.models import Redemption

viewing = permission_required("mailing.view_contact", raise_exception=True)
exporting = permission_required("mailing.export_contact", raise_exception=True)
MAILS_SHOWN = 50
CAMPAIGNS_OFFERED = 100
COUPONS_SHOWN = 50
CHANGES_SHOWN = 50
MOST_COLUMNS = 50


@require_GET
@viewing
def contact_list(request: Request) -> HttpResponse:
    """List the contacts that the filters choose."""
    form = ContactFilterForm(request.GET)
    form.is_valid()  # what is no choice narrows nothing
    context: PageContext = {"form": form, "is_filtered": any(form.cleaned_data.values())}
    try:
        found = filter_contacts(form)
    except audience.SegmentError as error:
        return render(request, "mailing/contacts.html", context | {"trouble": translate_stored(str(error))})
    if "count" in request.GET and request.htmx:
        return render(request, "mailing/_contact_count.html", {"number": found.count()})
    page = contacts.read_page(found, after=request.GET.get("after", ""), before=request.GET.get("before", ""))
    number = found.count() if "count" in request.GET else contacts.count_at_once(found, page)
    suppressions = Suppression.objects.filter(email__in=[contact.email for contact in page])
    suppressed = {suppression.email: suppression for suppression in suppressions}
    chosen = chosen_columns(request)
    labels = contacts.list_columns({*chosen, *(name for row in page for name in row.attributes)})
    columns = [(name, label) for name, label in labels.items() if name in chosen]
    context |= {
        "page": page,
        "number": number,
        "counted_at_once": contacts.COUNTED_AT_ONCE,
        "columns": columns,
        "all_columns": [(name, label, name in chosen) for name, label in labels.items()],
        "rows": [
            (
                row,
                suppressed.get(row.email),
                [(name, label, contacts.read_column(row, name)) for name, label in columns],
            )
            for row in page
        ],
    }
    return render(request, "mailing/contacts.html", context)


def chosen_columns(request: Request) -> list[str]:
    """Return the columns of the table: those just chosen, else those chosen before in this session."""
    if "choose" in request.GET:
        chosen = [name[:100] for name in request.GET.getlist("column")[:MOST_COLUMNS] if name.isprintable()]
        request.session["contact_columns"] = chosen
    columns: list[str] = request.session.get("contact_columns", [*contacts.COLUMNS])
    return columns


def filter_contacts(form: ContactFilterForm) -> QuerySet[Contact]:
    """Return the contacts that the filters choose.

    Raises:
        SegmentError: its segment cannot be used.
    """
    chosen = form.cleaned_data
    return contacts.find_contacts(chosen.get("q", ""), list=chosen.get("list"), segment=chosen.get("segment"))


@require_GET
@viewing
@exporting
def contact_csv(request: Request) -> HttpResponse | FileResponse:
    """Return all contacts that the filters choose as a CSV file."""
    form = ContactFilterForm(request.GET)
    form.is_valid()
    return csv_response(contacts.csv_lines(filter_contacts(form)), "contacts.csv")


@require_GET
@viewing
def contact_suggestions(request: Request) -> HttpResponse:
    """Return what a field for a contact offers while somebody types into it."""
    return render(
        request,
        "mailing/_contact_options.html",
        {"contacts": contacts.suggest_contacts(request.GET.get("contact", ""))},
    )


@require_GET
@viewing
def contact(request: Request, pk: int) -> HttpResponse:
    """Show a contact."""
    return render(
        request, "mailing/contact.html", contact_context(request, get_object_or_404(Contact, pk=pk))
    )


def contact_context(request: Request, found: Contact) -> PageContext:
    """Return what mailing/contact.html shows."""
    used = Redemption.objects.filter(
        sale__customer=found.customer_id or None, sale__state=Sale.State.COMMITTED
    )
    context: PageContext = {
        "contact": found,
        "language": name_language(found.language),
        "country": name_country(found.country),
        "zone": dates.name_city(local_time.zone_of(found.time_zone, found.country)),
        "segments": None,
        "coupons": used.exclude(coupon=None)
        .select_related("coupon", "promotion", "sale__location")
        .order_by("-pk")[:COUPONS_SHOWN],
        "attributes": [
            (name, contacts.write_attribute(value)) for name, value in sorted(found.attributes.items())
        ],
        "suppression": Suppression.objects.filter(email=found.email).first(),
        "held_out_of_all": global_hold_out.find_period_of(found, database_time.now()),
        "memberships": found.memberships.select_related("list").order_by("list__name"),
        "changes": PreferenceChange.objects.filter(contact=found).exclude(
            what=PreferenceChange.What.EVERYTHING
        )[:CHANGES_SHOWN],
        "left": Event.objects.filter(delivery__contact=found, kind=Event.Kind.UNSUBSCRIBED)
        .select_related("campaign")
        .defer(*contact_history.LEFT_UNREAD),
        "mails": found.deliveries.select_related("campaign")
        .defer(*contact_history.LEFT_UNREAD)
        .order_by("-pk")[:MAILS_SHOWN],
        "entries": contact_history.list_entries(found, with_sales=request.user.has_perm("pos.view_sale")),
        "consents": found.tracking_consents.order_by("-pk"),
        "asks_consent": settings.TRACKING_CONSENT == "opt-in",
        "edits": editions.edits_of(found)[: editions.EDITS_SHOWN],
        "campaigns": EmailCampaign.objects.filter(archived_at=None)
        .only("name", "status")
        .order_by("-pk")[:CAMPAIGNS_OFFERED],
    }
    return context | why_context(request, found)


@require_GET
@viewing
@permission_required("mailing.view_segment", raise_exception=True)
def contact_segments(request: Request, pk: int) -> HttpResponse:
    """Return the segments that choose the contact now; a part of their page."""
    found = get_object_or_404(Contact, pk=pk)
    segments = audience.list_segments_of(found)
    if not request.htmx:
        return render(
            request, "mailing/contact.html", contact_context(request, found) | {"segments": segments}
        )
    return render(request, "mailing/_segments_of.html", {"contact": found, "segments": segments})


@require_GET
@viewing
def contact_why(request: Request, pk: int) -> HttpResponse:
    """Return whether the contact gets, or got, the campaign `?campaign=`, and why; a part of their page."""
    found = get_object_or_404(Contact, pk=pk)
    if not request.htmx:
        return redirect(f"{found.get_absolute_url()}?{request.GET.urlencode()}#why")
    return render(request, "mailing/_why.html", {"contact": found} | why_context(request, found))


def why_context(request: Request, contact: Contact) -> PageContext:
    """Return whether the contact gets the campaign that is asked about, and why."""
    asked = request.GET.get("campaign", "")
    campaign = (
        EmailCampaign.objects.filter(pk=int(asked)).first() if asked.isdecimal() and len(asked) < 19 else None
    )
    if campaign is None:
        return {}
    try:
        gets_it, reasons = recipient_reasons.explain_delivery(contact, campaign)
    except audience.SegmentError as error:
        return {"campaign": campaign, "trouble": translate_stored(str(error))}
    return {"campaign": campaign, "gets_it": gets_it, "reasons": reasons}


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.add_contact", raise_exception=True)
def contact_new(request: Request) -> HttpResponse:
    """Show and save the form of a new contact."""
    return edit_contact(request, Contact())


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.change_contact", raise_exception=True)
def contact_edit(request: Request, pk: int) -> HttpResponse:
    """Show and save the form of a contact."""
    return edit_contact(request, get_object_or_404(Contact, pk=pk))


def edit_contact(request: Request, row: Contact) -> HttpResponse:
    """Show the form of a contact, new or stored, and save it."""
    seen = request.POST.get("seen") or (editions.edition_of(contacts.describe_contact(row)) if row.pk else "")
    form = ContactForm(request.POST if request.method == "POST" else None, instance=row)
    if request.method == "POST" and form.is_valid():
        try:
            saved = contacts.save_contact(
                form.instance,
                lists=form.cleaned_data["lists"],
                by=request.user,
                seen=request.POST.get("seen"),
            )
        except editions.EditConflict as overtaken:
            form.refuse(overtaken.reasons)
            seen = overtaken.latest
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            messages.success(request, gettext("“%(saved)s” is saved.") % {"saved": saved})
            return redirect(saved)
    context = {
        "form": form,
        "seen": seen,
        # as it is stored: the form has filled in the other
        "contact": Contact.objects.filter(pk=row.pk).first(),
        "attributes": list_recent_attribute_names(),
        "languages": list_languages(),
    }
    return render(request, "mailing/contact_form.html", context, status=422 if form.errors else 200)


@require_POST
@permission_required("mailing.change_contact", raise_exception=True)
def contact_consent(request: Request, pk: int) -> HttpResponse:
    """Note by hand what a contact decided about tracking."""
    found = get_object_or_404(Contact, pk=pk)
    is_granted = request.POST.get("decision") == "granted"
    contacts.record_consent(found, is_granted=is_granted, how=TrackingConsent.How.HAND, by=request.user)
    messages.success(request, gettext("The decision is saved and counts from now on."))
    return redirect(found)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.delete_contact", raise_exception=True)
def contact_delete(request: Request, pk: int) -> HttpResponse:
    """Delete a contact; a GET asks first."""
    row = get_object_or_404(Contact, pk=pk)
    sentence = gettext(
        "The contact is deleted permanently, with attributes and lists. Reports keep the address and the result of "
        "each mail; a suppression is kept. Mails not sent yet are skipped."
    )
    return delete_when_confirmed(
        request,
        row,
        done=gettext("The contact “%(contact)s” is deleted.") % {"contact": row},
        title=gettext("Delete the contact “%(contact)s”?") % {"contact": row},
        sentence=sentence,
        back="mailing:contacts",
    )


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.delete_contact", raise_exception=True)
def contact_erase(request: Request, pk: int) -> HttpResponse:
    """Erase a contact from all that is kept; a GET asks first."""
    row = get_object_or_404(Contact, pk=pk)
    if request.method != "POST":
        return render(request, "mailing/erase.html", {"contact": row})
    privacy.erase_contact(row, with_sales="with_sales" in request.POST, by=request.user)
    messages.success(request, gettext("The contact is erased."))
    return redirect("mailing:contacts")


@require_GET
@viewing
@exporting
@permission_required("pos.view_sale", raise_exception=True)
def contact_export(request: Request, pk: int, form: str) -> HttpResponse | FileResponse:
    """Return everything that is kept of a contact as a file, `form` json or csv."""
    row = get_object_or_404(Contact, pk=pk)
    if form == "csv":
        return csv_response(privacy.csv_lines(row), f"contact-{row.pk}.csv")
    headers = {"Content-Disposition": f'attachment; filename="contact-{row.pk}.json"'}
    with use_stored_language():
        return HttpResponse(privacy.write_json(row), content_type="application/json", headers=headers)
