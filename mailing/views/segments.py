"""Segments and their builder."""

from functools import partial

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from campaigns import editions
from campaigns.annotations import JsonObject, PageContext
from campaigns.refusals import Refused
from campaigns.requests import Request, number_in_query
from campaigns.stored_sentences import translate_stored
from mailing import audience, rfm, segment_groups
from mailing.audience import list_recent_attribute_names
from mailing.forms import SegmentForm
from mailing.forms.segment import CHOICES, apply_button, build_from_data
from mailing.models import ContactList, EmailCampaign, Segment
from mailing.views.confirmations import delete_when_confirmed

CAMPAIGNS_OFFERED = 200
CAMPAIGNS_NAMED = 20
CONTACTS_SHOWN = 5
EMPTY_CONDITION = {"field": "city", "op": "equals", "value": ""}


@require_GET
@permission_required("mailing.view_segment", raise_exception=True)
def segments(request: Request) -> HttpResponse:
    """List the segments, and the ready ones that can be made of them."""
    ready = {name: label for name, (label, *_) in rfm.CLASSES.items()}
    return render(request, "mailing/segments.html", {"segments": Segment.objects.all(), "ready": ready})


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.add_segment", raise_exception=True)
def segment_new(request: Request) -> HttpResponse:
    """Show and save the form of a new segment.

    `?ready=` names a class of buyers that it begins with, `?list=` a list whose contacts it narrows.
    """
    if key := number_in_query(request, "list"):
        return edit_segment(request, Segment(tree={"all": [{"list": key}, EMPTY_CONDITION]}))
    return edit_segment(request, build_ready_segment(request.GET.get("ready", "")))


def build_ready_segment(name: str) -> Segment:
    """Return the segment of a class of buyers, not saved; an empty one for any other name."""
    if name not in rfm.CLASSES:
        return Segment()
    label, *_ = rfm.CLASSES[name]
    return Segment(name=str(label), description=rfm.describe_class(name), tree={"all": [{"rfm": name}]})


@require_http_methods(["GET", "HEAD", "POST"])
def segment(request: Request, pk: int) -> HttpResponse:
    """Show a segment in its builder, and save it for those who may change it."""
    needed = "mailing.change_segment" if request.method == "POST" else "mailing.view_segment"
    found = get_object_or_404(Segment, pk=pk)
    return permission_required(needed, raise_exception=True)(edit_segment)(request, found)


def edit_segment(request: Request, row: Segment) -> HttpResponse:
    """Show the builder of a segment, new or stored, after one of its buttons; only “save” writes."""
    do = request.POST.get("do", "save") if request.method == "POST" else ""
    if do == "save":
        form = SegmentForm(request.POST, instance=row)
        if form.is_valid():
            try:
                saved = segment_groups.save_segment(
                    form.instance,
                    at_till=form.cleaned_data["at_till"],
                    by=request.user,
                    seen=request.POST.get("seen"),
                )
            except editions.EditConflict as overtaken:
                form.add_error(None, str(overtaken))
                again = {"seen": overtaken.latest}
                return render(
                    request, "mailing/segment_form.html", builder_context(form, form.root) | again, status=422
                )
            except Refused as refused:
                form.add_error("at_till", str(refused))
            else:
                messages.success(request, gettext("“%(saved)s” is saved.") % {"saved": saved})
                return redirect("mailing:segments")
        return render(request, "mailing/segment_form.html", builder_context(form, form.root), status=422)
    if not do:
        form = SegmentForm(instance=row)
        return render(request, "mailing/segment_form.html", builder_context(form, form.root))
    form = SegmentForm(instance=row)
    root = apply_button(build_from_data(request.POST), do)
    if request.htmx:
        response = render(request, "mailing/_builder.html", builder_context(form, root))
        return trigger_client_event(response, "segment-changed", after="settle")
    form.initial = {name: request.POST.get(name, "") for name in form.fields}
    return render(
        request,
        "mailing/segment_form.html",
        builder_context(form, root) | count_context(root.node()) | {"seen": request.POST.get("seen", "")},
    )


@require_POST
@permission_required("mailing.view_segment", raise_exception=True)
def segment_count(request: Request) -> HttpResponse:
    """Return how many contacts the builder's tree chooses, saved or not."""
    return render(request, "mailing/_segment_count.html", count_context(build_from_data(request.POST).node()))


def count_context(tree: JsonObject) -> PageContext:
    """Return how many contacts a tree of conditions chooses and some of them, or why it cannot."""
    try:
        return {"count": audience.count_contacts(tree), "some": audience.list_examples(tree, CONTACTS_SHOWN)}
    except audience.SegmentError as error:
        return {"trouble": translate_stored(str(error))}


def builder_context(form: SegmentForm, root: object) -> PageContext:
    """Return what mailing/segment_form.html shows."""
    stored = Segment.objects.filter(pk=form.instance.pk).first() if form.instance.pk else None
    return {
        "form": form,
        "seen": form.data.get("seen")
        or (editions.edition_of(segment_groups.describe_segment(stored)) if stored else ""),
        "edits": editions.edits_of(stored)[: editions.EDITS_SHOWN] if stored else [],
        "segment": form.instance,
        "root": root,
        "site_zone": settings.TIME_ZONE,
        "choices": CHOICES,
        "months": settings.TRACKING_MONTHS,
        "lists": ContactList.objects.all(),
        "campaigns": EmailCampaign.objects.filter(launched_at__isnull=False)[:CAMPAIGNS_OFFERED],
        "attributes": list_recent_attribute_names(),
        "used_by": EmailCampaign.objects.filter(targets__segment=form.instance.pk).order_by("-pk")[
            :CAMPAIGNS_NAMED
        ]
        if form.instance.pk
        else [],
    }


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.delete_segment", raise_exception=True)
def segment_delete(request: Request, pk: int) -> HttpResponse:
    """Delete a segment; a GET asks first."""
    row = get_object_or_404(Segment, pk=pk)
    sentence = gettext("The segment is deleted permanently. Its contacts are kept.")
    if row.group:
        kept = gettext(
            "The customer group “%(group)s” at the till is kept; its customers are then edited by hand."
        )
        sentence += " " + kept % {"group": row.group}
    delete = partial(segment_groups.delete_segment, row, by=request.user)
    return delete_when_confirmed(
        request,
        row,
        done=gettext("The segment “%(segment)s” is deleted.") % {"segment": row},
        title=gettext("Delete the segment “%(segment)s”?") % {"segment": row},
        sentence=sentence,
        back="mailing:segments",
        delete=delete,
    )
