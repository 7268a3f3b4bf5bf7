"""The page of a sender domain: its DKIM keys, what DNS says, and how well its mails are taken."""

from collections.abc import Callable
from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns.annotations import PageContext
from campaigns.refusals import Refused
from campaigns.requests import Request
from mailing.bounces import health
from mailing.forms import SenderDomainForm
from mailing.models import DkimKey, SenderDomain
from mailing.preflight import records
from mailing.senders import domains, keys, lookups
from mailing.views.confirmations import act_when_confirmed
from mailing.views.connections import show_connections

viewing = permission_required("mailing.view_senderdomain", raise_exception=True)
changing = permission_required("mailing.change_senderdomain", raise_exception=True)


@require_GET
@viewing
def sender_domain(request: Request, name: str) -> HttpResponse:
    """Show a sender domain: its keys and what its DNS says."""
    return render(request, "mailing/sender_domain.html", page_context(read_domain(name)))


def read_domain(name: str) -> str:
    """Return the domain that a path names; Http404: it is none, or not in its one spelling."""
    try:
        domain = domains.read_domain_name(name)
    except ValueError as error:
        raise Http404(str(error)) from error
    if domain != name:
        raise Http404(f"“{name}” is written “{domain}”.")
    return domain


def page_context(name: str) -> PageContext:
    """Return what the page of a sender domain shows."""
    rows = DkimKey.objects.filter(domain__name=name).select_related("domain")
    kept = SenderDomain.objects.filter(name=name).first()
    return {
        "name": name,
        "records": records.read_records(kept),
        "records_at": kept.records_at if kept else None,
        "keys": [describe_key(row) for row in rows],
        "signs": any(row.signs for row in rows),
        "health": health,
        "domain": next(iter(health.list_domains(name)), None),
        "may_go": not rows and SenderDomain.objects.filter(name=name).exists(),
        "menu_path": reverse("mailing:connections"),
    }


def describe_key(row: DkimKey) -> PageContext:
    """Return a key, why it cannot sign, its record, and until when that is needed after it was replaced."""
    text = keys.write_record(row.algorithm, row.public_key)
    return {
        "row": row,
        "trouble": domains.describe_trouble(row),
        "text": text,
        "quoted": keys.quote_record(text),
        "is_split": len(text) > keys.LONGEST_STRING,
        "needed_until": domains.needed_until(row),
    }


@require_POST
@changing
def sender_domain_new(request: Request) -> HttpResponse:
    """Open the page of a domain that somebody typed."""
    form = SenderDomainForm(request.POST)
    if not form.is_valid():
        return show_connections(request, form, 422)
    domain, _ = SenderDomain.objects.get_or_create(name=form.cleaned_data["name"])
    return redirect(domain)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("mailing.delete_senderdomain", raise_exception=True)
def sender_domain_delete(request: Request, name: str) -> HttpResponse:
    """Delete a sender domain that has no keys; a GET asks first."""
    return act_when_confirmed(
        request,
        partial(domains.delete_domain, read_domain(name)),
        done=gettext("The sender domain %(name)s is deleted.") % {"name": name},
        to="mailing:connections",
        title=gettext("Delete the sender domain %(name)s?") % {"name": name},
        sentence=gettext(
            "It is removed from the list, unless a connection sends from it. Mails are sent as before."
        ),
        label=gettext("Delete"),
        back=reverse("mailing:sender_domain", args=[name]),
        menu_path=reverse("mailing:connections"),
    )


@require_POST
@changing
def make_keys(request: Request, name: str) -> HttpResponse:
    """Make the keys of a sender domain."""
    return take_step(
        request,
        read_domain(name),
        lambda: domains.make_keys(read_domain(name)),
        gettext("New keys are made. Publish their records, then switch them on."),
    )


@require_POST
@changing
def check_keys(request: Request, name: str) -> HttpResponse:
    """Look for the records of the keys, SPF and DMARC in DNS."""
    own = read_domain(name)
    resolver = lookups.DnsResolver()  # one for all: its time is theirs together
    return take_step(
        request,
        own,
        lambda: (domains.check_keys(own, resolver), records.check_domain(own, resolver)),
        gettext("DNS was checked: the result is shown beside each record."),
    )


@require_POST
@changing
def switch_on(request: Request, pk: int) -> HttpResponse:
    """Switch a key on, if its record is in DNS."""
    row = find_key(pk)
    done = gettext("%(selector)s signs the mails of %(domain)s from now on.") % {
        "selector": row.selector,
        "domain": row.domain,
    }
    return take_step(request, row.domain.name, lambda: domains.switch_on(pk), done)


@require_http_methods(["GET", "HEAD", "POST"])
@changing
def switch_on_unseen(request: Request, pk: int) -> HttpResponse:
    """Switch a key on whose record was not found; a GET asks first."""
    row = find_key(pk)
    return act_when_confirmed(
        request,
        partial(domains.switch_on, pk, is_forced=True),
        done=gettext("%(selector)s signs the mails of %(domain)s from now on.")
        % {"selector": row.selector, "domain": row.domain},
        **key_confirmation(
            row,
            gettext("Switch %(selector)s on although its record was not found?") % {"selector": row.selector},
            gettext("Switch on anyway"),
        ),
        sentence=gettext(
            "A signature whose record cannot be found counts as broken: mails may be refused or land in spam. "
            "Do this only when you know that the record is there."
        ),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@changing
def switch_off(request: Request, pk: int) -> HttpResponse:
    """Switch a key off; a GET asks first."""
    row = find_key(pk)
    return act_when_confirmed(
        request,
        partial(domains.switch_off, pk),
        done=gettext("%(selector)s is switched off and signs nothing from now on.")
        % {"selector": row.selector},
        **key_confirmation(
            row, gettext("Switch %(selector)s off?") % {"selector": row.selector}, gettext("Switch off")
        ),
        sentence=gettext(
            "Mails of %(domain)s are no longer signed with it. It cannot be switched on again: make new keys."
        )
        % {"domain": row.domain},
    )


@require_http_methods(["GET", "HEAD", "POST"])
@changing
def delete_key(request: Request, pk: int) -> HttpResponse:
    """Delete a key; a GET asks first."""
    row = find_key(pk)
    return act_when_confirmed(
        request,
        partial(domains.delete_key, pk),
        done=gettext("%(selector)s is deleted. Remove its record from DNS.") % {"selector": row.selector},
        **key_confirmation(
            row, gettext("Delete the key %(selector)s?") % {"selector": row.selector}, gettext("Delete")
        ),
        sentence=gettext("The private key is deleted permanently."),
    )


def key_confirmation(row: DkimKey, title: str, label: str) -> dict[str, str]:
    """Return what the page shows that asks before a step of a key."""
    page = row.domain.get_absolute_url()
    return {
        "to": page,
        "back": page,
        "title": title,
        "label": label,
        "menu_path": reverse("mailing:connections"),
    }


def take_step(request: Request, name: str, do: Callable[[], object], done: str) -> HttpResponse:
    """Call `do` and go to the page of the domain, which shows the message `done` or the refusal."""
    try:
        do()
    except Refused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, done)
    return redirect("mailing:sender_domain", name)


def find_key(pk: int) -> DkimKey:
    """Find a key of a sender domain by its number."""
    return get_object_or_404(DkimKey.objects.select_related("domain"), pk=pk)
