"""Unsubscribes people through the links of a mail, at once and from everything. Each function may be called again."""

import msgspec
from django.db import transaction

from campaigns import database_time
from campaigns.sentences import keep, mark
from mailing.models import Delivery, Membership, PreferenceChange, Suppression
from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from mailing.suppressions import suppress
from mailing.tracking import MailGone, note_unsubscription, read_token
from mailing.variants.definitions import find_test, list_variants
from mailing.visitors import Visitor


class Addressee(msgspec.Struct, frozen=True):
    """Whom a mail went to, and its sender's name; "" when that name differs by recipient.

    `preferences` is the token of the contact's preference page, "" when the contact was deleted.
    """

    email: str = ""
    sender: str = ""
    language: str = ""
    preferences: str = ""


NOBODY = Addressee()  # of a test e-mail
HOWS = (mark("one-click"), mark("page"), mark("preferences"), mark("mail"), mark("provider"))
"""How people unsubscribe; the first is RFC 8058."""


def unsubscribe(token: str, how: str, visitor: Visitor) -> Addressee:
    """Unsubscribe the recipient whose mail a link stands in; the link of a test mail unsubscribes nobody.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
    """
    delivery = find_delivery(token, Purpose.UNSUBSCRIBE)
    return _unsubscribe(delivery, how, visitor, Suppression.Source.TRACKING_LINK) if delivery else NOBODY


def unsubscribe_delivery(
    pk: int, how: str, visitor: Visitor, source: Suppression.Source = Suppression.Source.TRACKING_LINK
) -> Addressee:
    """Suppress the address a mail went to, at once and everywhere, and return it.

    Args:
        how: one of HOWS; kept as evidence.

    Raises:
        MailGone: there is no such delivery any more.
    """
    return _unsubscribe(_load_delivery(pk), how, visitor, source)


def _unsubscribe(delivery: Delivery, how: str, visitor: Visitor, source: Suppression.Source) -> Addressee:
    contact = delivery.contact
    # who has changed the address since means the new one as well
    addresses = dict.fromkeys([delivery.email, contact.email] if contact else [delivery.email])
    said = {"campaign": delivery.campaign, "how": how}
    if source == Suppression.Source.TRACKING_LINK:
        detail = keep("Through a link of “%(campaign)s”: %(how)s.", **said)
    else:
        detail = keep("On a mail of “%(campaign)s”: %(how)s.", **said)
    with transaction.atomic():
        locked = Delivery.objects.select_for_update(no_key=True).filter(pk=delivery.pk)
        if locked.filter(unsubscribed_at=None).exists():
            note_unsubscription(delivery.pk, visitor, how)
            if contact:
                PreferenceChange.objects.create(
                    contact=contact, delivery=delivery, what=PreferenceChange.What.EVERYTHING, now=how
                )
        Membership.objects.filter(
            contact__email__in=addresses, list__targets__campaign=delivery.campaign_id, unsubscribed_at=None
        ).update(unsubscribed_at=database_time.now())
        for address in sorted(addresses):
            suppress(address, Suppression.Reason.UNSUBSCRIBED, source, detail)
    return _make_addressee(delivery)


def find_addressee(token: str) -> Addressee:
    """Return whom a mail went to.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
    """
    delivery = find_delivery(token, Purpose.UNSUBSCRIBE)
    return _make_addressee(delivery) if delivery else NOBODY


def _make_addressee(delivery: Delivery) -> Addressee:
    return Addressee(
        delivery.email,
        name_sender(delivery),
        delivery.contact.language if delivery.contact else "",
        tokens.sign_token(delivery.pk, Purpose.PREFERENCES) if delivery.contact else "",
    )


def name_sender(delivery: Delivery) -> str:
    """Return the sender's name of a mail; "" when that name differs by recipient."""
    sender: str = delivery.campaign.from_name
    if delivery.variant:  # the first one is the campaign as it stands
        campaign = delivery.campaign
        sender = list_variants(campaign, find_test(campaign))[delivery.variant].from_name
    return "" if "{" in sender else sender


def find_delivery(token: str, purpose: Purpose) -> Delivery | None:
    """Find the delivery whose mail a link stands in, with its contact and campaign; None: it is a test mail.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
    """
    pk = read_token(token, purpose)
    return None if pk == tokens.TEST_DELIVERY_ID else _load_delivery(pk)


def _load_delivery(pk: int) -> Delivery:
    delivery = Delivery.objects.select_related("contact", "campaign").filter(pk=pk).first()
    if delivery is None:
        raise MailGone
    return delivery
