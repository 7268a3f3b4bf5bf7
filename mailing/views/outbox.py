"""What the mail catcher caught: nothing of it has left this machine.

The links of a caught mail are its recipient's: to follow one counts as their click, and the last one unsubscribes them.
So they work for those who may send campaigns, and are no more than text to those who may only look. A link that sets a
new password opens the account it was mailed to: only superusers see it, who could set any password anyway.
"""

import re

from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_GET

from campaigns.annotations import PageContext
from campaigns.requests import Request
from campaigns.texts import unescape_html
from mailing import catcher, content
from mailing.content import markup
from mailing.models import Contact, Delivery, EmailCampaign
from mailing.sending import tokens
from mailing.views.mail_frames import answer_frame, holds_account_link, mask_tokens

viewing = permission_required("mailing.view_emailcampaign", raise_exception=True)
PER_PAGE = 50
LONGEST_READ = 2_000_000  # letters of a mail's HTML that are looked through for links
FOLLOWING = "mailing.change_emailcampaign"
_is_key = re.compile(r"[0-9]{1,18}").fullmatch
_find_urls = re.compile(r"https?://[^\s<>\"]+").findall


@require_GET
@viewing
def outbox(request: Request) -> HttpResponse:
    """List the mails that the mail catcher keeps, the newest first."""
    words = request.GET.get("q", "")
    caught = catcher.list_messages(before=request.GET.get("before", ""), most=PER_PAGE, words=words)
    context = {
        "caught": caught,
        "count": catcher.count_messages(),
        "words": words,
        "is_full": len(caught) == PER_PAGE,
    }
    return render(request, "mailing/outbox.html", context)


@require_GET
@viewing
def caught_mail(request: Request, name: str) -> HttpResponse:
    """Show a caught mail."""
    opened = find_mail(name)
    follows = may_follow(request, opened)
    html, text = (written if follows else mask_tokens(written) for written in (opened.html, opened.text))
    headers = [(name, value if follows else mask_tokens(value)) for name, value in opened.headers]
    named = list_links(html) if html else [(url, gettext("In its text")) for url in find_addresses(text)]
    context = {"mail": opened, "headers": headers, "links": named, "follows": follows}
    context["opens_account"] = opens_account(opened)
    context |= find_origin(opened)
    return render(request, "mailing/caught.html", context)


@require_GET
@viewing
def caught_frame(request: Request, name: str) -> HttpResponse:
    """Show the mail itself in the frame on its page: `?part=text` its text part, `?part=raw` all of it as it came."""
    opened = find_mail(name)
    part = request.GET.get("part", "html")
    follows = may_follow(request, opened)
    if part == "raw" and not follows:
        raise PermissionDenied  # its tokens are encoded in many ways
    if part == "raw":
        return answer_frame(opened.raw, "text/plain; charset=utf-8")
    if part == "text" or not opened.html:
        return answer_frame(opened.text if follows else mask_tokens(opened.text), "text/plain; charset=utf-8")
    return answer_frame(opened.html, with_links=True) if follows else answer_frame(mask_tokens(opened.html))


def may_follow(request: Request, opened: catcher.CaughtMessage) -> bool:
    """Return whether somebody may follow the links of a caught mail, and so see them."""
    return request.user.is_superuser if opens_account(opened) else request.user.has_perm(FOLLOWING)


def opens_account(opened: catcher.CaughtMessage) -> bool:
    """Return whether a mail holds a link that sets a new password."""
    return holds_account_link(opened.html) or holds_account_link(opened.text)


def find_mail(name: str) -> catcher.CaughtMessage:
    """Read a caught mail.

    Raises:
        Http404: there is none.
    """
    try:
        return catcher.read_message(name)
    except catcher.MailNotCaught as error:
        raise Http404(str(error)) from error


def find_origin(opened: catcher.CaughtMessage) -> PageContext:
    """Find the campaign a mail came from and the contact it went to; what is not known is left out.

    The Message-ID is the token of its delivery. That of a test mail is none: it names its campaign in Feedback-ID.
    """
    headers = {name.lower(): value for name, value in opened.headers}
    token = headers.get("message-id", "").strip("<> ").partition("@")[0]
    try:
        pk = tokens.read_token(token, tokens.Purpose.MESSAGE_ID)
    except ValueError:
        return find_origin_of_test(opened, headers.get("feedback-id", ""))
    delivery = Delivery.objects.select_related("campaign", "contact").filter(pk=pk).first()
    return {"campaign": delivery.campaign, "contact": delivery.contact} if delivery else {}


def find_origin_of_test(opened: catcher.CaughtMessage, feedback: str) -> PageContext:
    """Find the campaign and the contact of a test mail by its Feedback-ID."""
    key = feedback.partition(":")[0].strip()
    campaign = EmailCampaign.objects.filter(pk=key).first() if _is_key(key) else None
    contact = Contact.objects.filter(email__in=opened.caught.recipients).first() if campaign else None
    return {"campaign": campaign, "contact": contact}


def list_links(page: str) -> list[tuple[str, str]]:
    """Return the links of a mail in their order: (where it leads, its words)."""
    found: list[tuple[str, list[str]]] = []
    is_inside = False
    for piece in markup.cut_pieces(page[:LONGEST_READ]):
        if piece.name == "a" and not piece.hidden:
            url = (
                markup.unescape_value(markup.attributes(piece.source).get("href", ""))
                if piece.is_start
                else ""
            )
            is_inside = bool(url) and not url.endswith(f"/{content.TRAP}")
            if is_inside:
                found.append((url, []))
        elif is_inside and piece.kind == "text":
            found[-1][1].append(unescape_html(piece.source))
    return [(url, " ".join("".join(words).split())) for url, words in found]


def find_addresses(text: str) -> list[str]:
    """Find the addresses that stand in a plain text, each once, without the full stop of their sentence."""
    return list(dict.fromkeys(url.rstrip(".,;:!?)") for url in _find_urls(text)))
