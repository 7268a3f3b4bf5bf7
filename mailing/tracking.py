"""Opens, clicks and unsubscriptions: what comes back through the links of a mail.

Every link carries a signed token of its delivery, good for this purpose only, and a click the number of its link in the
campaign's frozen content: there is no address in it that could be changed. Each function is safe to call again with the
same token.
"""

from functools import lru_cache

import msgspec
from django.db import connection, transaction

from campaigns import database_time
from mailing import content, launch
from mailing.models import Content, Delivery, Event, Membership, Suppression
from mailing.sending import tokens
from mailing.sending.tokens import Purpose

BURST = 10  # seconds in which the same thing again is the same thing


class Visitor(msgspec.Struct, frozen=True):
    """Who asks, as far as a request tells."""

    ip: str | None = None
    user_agent: str = ""


class Addressee(msgspec.Struct, frozen=True):
    """Whom a mail went to, and the sender's name it bore; "" where that is written anew for each recipient."""

    email: str = ""
    sender: str = ""


NOBODY = Addressee()  # of a test e-mail


class BadLink(LookupError):
    """The token was not made here, or its delivery or link is no more."""


# What has happened proves that an uncertain mail arrived.
_SEEN = """
WITH seen AS (
    UPDATE mailing_delivery SET
        {moment} = coalesce({moment}, now()),
        status = CASE WHEN status = 'uncertain' THEN 'accepted' ELSE status END,
        sent_at = CASE WHEN status = 'uncertain' THEN coalesce(sent_at, now()) ELSE sent_at END
    WHERE id = %(pk)s AND ({moment} IS NULL OR status = 'uncertain')
)
INSERT INTO mailing_event (delivery_id, campaign_id, kind, at, link, how, ip, user_agent)
SELECT id, campaign_id, %(kind)s, now(), %(link)s, %(how)s, %(ip)s, %(user_agent)s FROM mailing_delivery
WHERE id = %(pk)s AND NOT EXISTS (
    SELECT FROM mailing_event WHERE delivery_id = %(pk)s AND kind = %(kind)s AND link IS NOT DISTINCT FROM %(link)s
        AND at > now() - make_interval(secs => %(burst)s)
)
"""


def note_open(token: str, visitor: Visitor | None) -> None:
    """Note that a mail was opened; without a visitor note nothing. Raises BadLink."""
    pk = _read_token(token, Purpose.OPEN)
    if visitor and pk != tokens.TEST_DELIVERY_ID:
        _note(pk, Event.Kind.OPENED, visitor)


def note_click(token: str, index: int, visitor: Visitor | None) -> str:
    """Note that a link was followed and return the address it leads to; without a visitor note nothing.

    Whoever follows a link has opened the mail, also where its pictures were never loaded. Raises BadLink.
    """
    delivery = _find_delivery(_read_token(token, Purpose.CLICK))
    recipient = (
        launch.build_recipient(delivery.contact, seed=delivery.pk)
        if delivery.contact
        else content.Recipient(delivery.email)
    )
    try:
        target = _load_content(delivery.campaign_id).target(index, recipient)
    except (IndexError, content.ContentError, Content.DoesNotExist) as error:
        raise BadLink("This link leads nowhere any more.") from error
    if visitor:
        _note(delivery.pk, Event.Kind.CLICKED, visitor, link=index)
        if delivery.opened_at is None:
            _note(delivery.pk, Event.Kind.OPENED, visitor, how="click")
    return target


def unsubscribe(token: str, how: str, visitor: Visitor) -> Addressee:
    """Suppress the address a mail went to, at once and everywhere, and return it.

    how: "one-click" (RFC 8058) or "page"; kept with who asked and when, as evidence. Raises BadLink.
    """
    pk = _read_token(token, Purpose.UNSUBSCRIBE)
    if pk == tokens.TEST_DELIVERY_ID:
        return NOBODY
    delivery = _find_delivery(pk)
    with transaction.atomic():
        Suppression.objects.bulk_create(
            [
                Suppression(
                    email=delivery.email,
                    reason=Suppression.Reason.UNSUBSCRIBED,
                    source=Suppression.Source.TRACKING_LINK,
                    detail=f"Through a link of “{delivery.campaign}”, {how}.",
                )
            ],
            ignore_conflicts=True,
        )
        Membership.objects.filter(
            contact__email=delivery.email, list__targets__campaign=delivery.campaign_id, unsubscribed_at=None
        ).update(unsubscribed_at=database_time.now())
        if delivery.unsubscribed_at is None:
            _note(pk, Event.Kind.UNSUBSCRIBED, visitor, how=how)
    return _make_addressee(delivery)


def find_addressee(token: str) -> Addressee:
    """Whom a mail went to. Raises BadLink."""
    pk = _read_token(token, Purpose.UNSUBSCRIBE)
    return NOBODY if pk == tokens.TEST_DELIVERY_ID else _make_addressee(_find_delivery(pk))


def _make_addressee(delivery: Delivery) -> Addressee:
    sender = delivery.campaign.from_name
    return Addressee(delivery.email, "" if "{" in sender else sender)


def _read_token(token: str, purpose: Purpose) -> int:
    try:
        return tokens.read_token(token, purpose)
    except ValueError as error:
        raise BadLink(str(error)) from error


def _find_delivery(pk: int) -> Delivery:
    delivery = Delivery.objects.select_related("contact", "campaign").filter(pk=pk).first()
    if delivery is None:
        raise BadLink("The mail this link stood in is not known any more.")
    return delivery


def _note(pk: int, kind: Event.Kind, visitor: Visitor, *, link: int | None = None, how: str = "") -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _SEEN.format(moment=f"{kind}_at"),
            {
                "pk": pk,
                "kind": kind,
                "link": link,
                "how": how,
                "ip": visitor.ip,
                "user_agent": visitor.user_agent[:300],
                "burst": BURST,
            },
        )


@lru_cache(maxsize=32)
def _load_content(campaign_id: int) -> content.Compiled:
    """The frozen content of a campaign: it never changes."""
    return content.load(bytes(Content.objects.get(campaign=campaign_id).compiled))
