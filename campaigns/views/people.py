"""The pages of people in the workspace: who is there, inviting somebody, and what somebody may do."""

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import accounts, editions
from campaigns.person_forms import InvitationForm, RightsForm
from campaigns.refusals import Refused
from campaigns.requests import Request
from campaigns.views.answers import say_undoable

PER_PAGE = 50

changing = permission_required("auth.change_user", raise_exception=True)


@require_GET
@permission_required("auth.view_user", raise_exception=True)
def list_people(request: Request) -> HttpResponse:
    """List the people of the workspace with their roles."""
    people = User.objects.prefetch_related("groups").order_by("-is_active", "username")
    page = Paginator(people, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "campaigns/people.html", {"page": page})


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("auth.add_user", raise_exception=True)
def invite(request: Request) -> HttpResponse:
    """Show the form of an invitation, and send it."""
    assert isinstance(request.user, User)  # nobody else has the permission
    form = InvitationForm(request.POST or None, by=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            person = accounts.invite_person(by=request.user, **form.cleaned_data)
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            messages.success(request, _("%(email)s is invited by mail.") % {"email": person.email})
            return redirect("campaigns:people")
    return render(request, "campaigns/person_form.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@changing
def edit_person(request: Request, pk: int) -> HttpResponse:
    """Show what somebody may do, and save it."""
    assert isinstance(request.user, User)  # nobody else has the permission
    person = get_object_or_404(User, pk=pk)
    data = request.POST if request.method == "POST" else None  # no tick at all sends nothing
    form = RightsForm(data, by=request.user, person=person)
    seen = request.POST.get("seen") or editions.edition_of(accounts.list_rights(person))
    if form.is_valid():
        try:
            accounts.set_rights(person, by=request.user, seen=request.POST.get("seen"), **form.cleaned_data)
        except editions.EditConflict as overtaken:
            form.refuse(overtaken.reasons)
            seen = overtaken.latest
        except Refused as refused:
            form.refuse(refused.reasons)
        else:
            messages.success(request, _("The rights of %(person)s are saved.") % {"person": person})
            return redirect("campaigns:people")
    context = {
        "form": form,
        "person": person,
        "seen": seen,
        "edits": editions.edits_of(person)[: editions.EDITS_SHOWN],
        "may_manage": accounts.may_manage(request.user, person),
        "is_oneself": person.pk == request.user.pk,
    }
    return render(request, "campaigns/person_form.html", context, status=422 if form.errors else 200)


@require_POST
@changing
def switch(request: Request, pk: int) -> HttpResponse:
    """Let somebody sign in (`on`), or keep them out."""
    assert isinstance(request.user, User)  # nobody else has the permission
    person, on = get_object_or_404(User, pk=pk), "on" in request.POST
    try:
        accounts.switch_person(person, on, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        said = _("%(person)s may sign in again.") if on else _("%(person)s can no longer sign in.")
        undo = {} if on else {"on": "1"}
        say_undoable(request, said % {"person": person}, request.path, **undo)
    return redirect("campaigns:people")


@require_POST
@changing
def invite_again(request: Request, pk: int) -> HttpResponse:
    """Send an invitation once more."""
    assert isinstance(request.user, User)  # nobody else has the permission
    person = get_object_or_404(User, pk=pk)
    try:
        accounts.invite_again(person, by=request.user)
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("%(email)s is invited by mail.") % {"email": person.email})
    return redirect("campaigns:people")
