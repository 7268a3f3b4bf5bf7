"""Login by OAuth 2: its registration, the way to the provider's page, and the way back."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import database_time
from campaigns.annotations import Columns
from campaigns.requests import Request
from campaigns.texts import make_storable
from mailing import oauth
from mailing.forms import OAuthForm
from mailing.models import BounceMailbox, OAuthGrant, SmtpConnection
from mailing.sending import breaker
from mailing.views import connections, mailboxes
from mailing.views.confirmations import act_when_confirmed
from mailing.views.row_forms import edit_row

Owner = SmtpConnection | BounceMailbox

IN_SESSION = "oauth_questions"
MOST_CONSENT_REQUESTS = 5  # of one person at once
ANSWER_WITHIN_SECONDS = 900
LONGEST_WORDS = 300  # of a provider, that are shown


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@connections.changing
def connection_grant(request: Request, pk: int) -> HttpResponse:
    """Show the form for the OAuth login of a connection, and save it."""
    return edit_grant(request, connections.find_connection(pk))


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@mailboxes.changing
def mailbox_grant(request: Request, pk: int) -> HttpResponse:
    """Show the form for the OAuth login of a bounce mailbox, and save it."""
    return edit_grant(request, mailboxes.find_mailbox(pk))


@never_cache
@require_GET
@connections.changing
def connection_begin(request: Request, pk: int) -> HttpResponse:
    """Begin the consent for a connection."""
    return begin_consent(request, connections.find_connection(pk))


@never_cache
@require_GET
@mailboxes.changing
def mailbox_begin(request: Request, pk: int) -> HttpResponse:
    """Begin the consent for a bounce mailbox."""
    return begin_consent(request, mailboxes.find_mailbox(pk))


@require_http_methods(["GET", "HEAD", "POST"])
@connections.changing
def connection_remove(request: Request, pk: int) -> HttpResponse:
    """Remove the OAuth login of a connection; a GET asks first."""
    return remove_grant(request, connections.find_connection(pk))


@require_http_methods(["GET", "HEAD", "POST"])
@mailboxes.changing
def mailbox_remove(request: Request, pk: int) -> HttpResponse:
    """Remove the OAuth login of a bounce mailbox; a GET asks first."""
    return remove_grant(request, mailboxes.find_mailbox(pk))


@transaction.atomic
def edit_grant(request: Request, owner: Owner) -> HttpResponse:
    """Show the form for an OAuth login, and save it."""
    if (
        request.method == "POST"
    ):  # a token that is refreshed meanwhile is not put back, nor a second login made
        type(owner)._default_manager.select_for_update(no_key=True).get(pk=owner.pk)
        grant = oauth.lock_grant(owner)
    else:
        grant = oauth.find_grant(owner)
    if grant is None:
        name = "connection" if isinstance(owner, SmtpConnection) else "mailbox"
        grant = OAuthGrant(**{name: owner})
    kind = "smtp" if isinstance(owner, SmtpConnection) else owner.kind
    providers = dict(OAuthGrant.Provider.choices)
    return edit_row(
        request,
        OAuthForm(request.POST or None, instance=grant, kind=kind),
        "mailing/connections/oauth_form.html",
        gettext("The registration is saved. Now connect it with %(provider)s.")
        % {"provider": providers.get(request.POST.get("provider", ""), "")},
        to=owner.get_absolute_url(),
        owner=owner,
        callback=oauth.write_callback_address(),
        menu_path=reverse("mailing:connections"),
    )


def begin_consent(request: Request, owner: Owner) -> HttpResponse:
    """Send the browser to the provider's page. The session keeps the question by its `state`, to know the answer."""
    grant = oauth.find_grant(owner)
    if grant is None or not owner.username:
        messages.error(
            request, gettext("Set up the login first, and enter the mailbox’s address as the user name.")
        )
        return redirect(owner)
    question = oauth.begin_consent(grant)
    waiting = list(request.session.get(IN_SESSION, {}).items())[-MOST_CONSENT_REQUESTS + 1 :]
    asked = {
        "grant": grant.pk,
        "registration": describe_registration(grant),
        "verifier": question.verifier,
        "at": database_time.unix_time(),
    }
    request.session[IN_SESSION] = dict(waiting) | {question.state: asked}
    return HttpResponseRedirect(question.url)


@never_cache
@require_GET
def complete_consent(request: Request) -> HttpResponse:
    """Take the provider's answer, with which the browser comes back: a code, or a refusal."""
    asked = take_consent_request(request, request.GET.get("state", ""))
    if asked is None:
        messages.error(request, gettext("This login was not started here, or took too long. Connect again."))
        return redirect("mailing:connections")
    grant = OAuthGrant.objects.select_related("connection", "mailbox").filter(pk=asked["grant"]).first()
    if grant is None:
        messages.error(request, gettext("This login was removed meanwhile. Set it up and connect again."))
        return redirect("mailing:connections")
    model = "smtpconnection" if grant.connection else "bouncemailbox"
    if not request.user.has_perm(f"mailing.change_{model}"):
        raise PermissionDenied
    if asked.get("registration") != describe_registration(grant):  # the code is for nobody else
        messages.error(request, gettext("This login was changed meanwhile. Connect again."))
        return redirect(grant.owner)
    code = request.GET.get("code", "")
    if not code:
        why = (
            request.GET.get("error_description") or request.GET.get("error") or gettext("no reason was given")
        )
        words = make_storable(why)[:LONGEST_WORDS]
        messages.error(
            request,
            gettext("%(provider)s gave no consent: %(words)s")
            % {"provider": grant.get_provider_display(), "words": words},
        )
        return redirect(grant.owner)
    try:
        oauth.complete_consent(grant.pk, code, asked["verifier"])
    except (oauth.ConsentLost, oauth.TokenUnavailable) as error:
        messages.error(request, gettext("It is not connected: %(error)s") % {"error": error})
        return redirect(grant.owner)
    if grant.connection:
        breaker.note_success(grant.connection.pk)
    messages.success(
        request,
        gettext("“%(owner)s” is connected with %(provider)s.")
        % {"owner": grant.owner, "provider": grant.get_provider_display()},
    )
    return redirect(grant.owner)


def describe_registration(grant: OAuthGrant) -> list[str]:
    """Return what a consent is asked for, and who is to give a token for it."""
    return [grant.authorize_url, grant.token_url, grant.client_id, grant.scope]


def take_consent_request(request: Request, state: str) -> Columns | None:
    """Take a question out of the session by its `state`; None when nobody asked it here, or too long ago."""
    waiting = dict(request.session.get(IN_SESSION, {}))
    asked: Columns | None = waiting.pop(state, None)
    if asked is None:
        return None
    request.session[IN_SESSION] = waiting
    is_late = database_time.unix_time() - float(asked["at"]) > ANSWER_WITHIN_SECONDS
    return None if is_late else asked


def remove_grant(request: Request, owner: Owner) -> HttpResponse:
    """Remove an OAuth login; a GET asks first."""
    grant = oauth.find_grant(owner)
    if grant is None:
        return redirect(owner)
    return act_when_confirmed(
        request,
        grant.delete,
        done=gettext("“%(owner)s” logs in with its password from now on.") % {"owner": owner},
        to=owner.get_absolute_url(),
        title=gettext("Log in to “%(owner)s” with a password again?") % {"owner": owner},
        sentence=gettext(
            "The tokens and the registration are deleted permanently. Enter a password if none is stored."
        ),
        label=gettext("Use a password"),
        back=owner.get_absolute_url(),
        menu_path=reverse("mailing:connections"),
    )
