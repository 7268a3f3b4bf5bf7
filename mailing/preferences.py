"""What contacts decide by themselves, on the page behind the signed link of each mail.

Each thing that changes is one row of `PreferenceChange`, written in the same transaction. Sent twice, a form changes
nothing the second time.
"""

import logging
from collections.abc import Collection
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

import msgspec
from django.conf import settings
from django.core import signing
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from django_q.tasks import async_task

from campaigns import database_time, editions
from campaigns.logins import Limit, TriesInAll, read_clock
from campaigns.refusals import Refused
from campaigns.sentences import mark
from mailing import contacts, unsubscribing
from mailing.languages import choose_page_language
from mailing.models import (
    AddressChange,
    Contact,
    ContactList,
    Membership,
    Mode,
    PreferenceChange,
    Suppression,
    TrackingConsent,
    TrackingPolicy,
)
from mailing.sending.tokens import Purpose
from mailing.site_mails import require_connection, send_mail
from mailing.tracking import BadLink, MailGone
from mailing.unsubscribing import Addressee
from mailing.visitors import Visitor

logger = logging.getLogger(__name__)
What = PreferenceChange.What

CALLED = mark("A change of address")  # in refusals
ADDRESS_DAYS = 3  # that the link in the mail to a new address works
_signer = signing.Signer(salt="mailing.preferences.address")
# each is a mail to somebody who may not have asked
CONTACT_AT_ADDRESS = CONTACT = Limit(3, timedelta(minutes=20))
ADDRESS = Limit(20, timedelta(seconds=30))


class Reader(msgspec.Struct, frozen=True):
    """Who follows the link of a mail; of a test e-mail there is no contact."""

    delivery: int
    contact: Contact | None
    sender: str = ""
    suppression: Suppression | None = None


class Choices(msgspec.Struct, frozen=True):
    """What a contact chooses. `lists`: keys of the public ones; `is_tracked`: None where the site asks nobody."""

    lists: frozenset[int]
    frequency: str
    is_tracked: bool | None
    language: str
    time_zone: str


def find_reader(token: str) -> Reader:
    """Find whom the link of a mail belongs to.

    Raises:
        BadLink: it was not made here, or the contact is no more.
    """
    delivery = unsubscribing.find_delivery(token, Purpose.PREFERENCES)
    if delivery is None:
        return Reader(0, None)
    if delivery.contact is None:
        raise MailGone
    suppression = Suppression.objects.filter(email=delivery.contact.email).first()
    return Reader(delivery.pk, delivery.contact, unsubscribing.name_sender(delivery), suppression)


def read_choices(contact: Contact) -> Choices:
    """Read what a contact has chosen by now."""
    joined = Membership.objects.filter(contact=contact, unsubscribed_at=None, list__is_public=True)
    return Choices(
        frozenset(joined.values_list("list_id", flat=True)),
        contact.frequency,
        _read_consent(contact),
        contact.language,
        contact.time_zone,
    )


def _read_consent(contact: Contact) -> bool | None:
    """Read whether opens and clicks are noted by name; None where the site notes nobody by name."""
    if TrackingPolicy.read_row().mode != Mode.INDIVIDUAL:
        return None
    latest = contact.tracking_consents.order_by("-pk").first()
    return latest.is_granted if latest else settings.TRACKING_CONSENT == "opt-out"


def save_choices(contact_id: int, wanted: Choices, *, delivery_id: int) -> int:
    """Save these choices, and return how many things changed."""
    with transaction.atomic():
        contact = Contact.objects.select_for_update(no_key=True).get(pk=contact_id)
        before, facts = read_choices(contact), contacts.describe_contact(contact)
        changes = [
            *_change_lists(contact, before.lists, wanted.lists),
            *_change_fields(contact, wanted),
        ]
        if wanted.is_tracked is not None and wanted.is_tracked != before.is_tracked:
            contacts.record_consent(contact, is_granted=wanted.is_tracked, how=TrackingConsent.How.PAGE)
            changes.append(
                (
                    What.TRACKING,
                    "",
                    _describe_tracking(before.is_tracked),
                    _describe_tracking(wanted.is_tracked),
                )
            )
        PreferenceChange.objects.bulk_create(
            PreferenceChange(contact=contact, delivery_id=delivery_id, what=what, name=name, was=was, now=now)
            for what, name, was, now in changes
        )
        editions.record_edit(contact, facts, contacts.describe_contact(contact))
    return len(changes)


def _change_lists(
    contact: Contact, before: Collection[int], wanted: Collection[int]
) -> list[tuple[str, str, str, str]]:
    changes, now = [], database_time.now()
    for each in ContactList.objects.filter(is_public=True).order_by("pk"):
        if each.pk in wanted and each.pk not in before:
            Membership.objects.update_or_create(
                contact=contact, list=each, defaults={"joined_at": now, "unsubscribed_at": None}
            )
            changes.append((What.LIST, each.name, "", "joined"))
        elif each.pk in before and each.pk not in wanted:
            Membership.objects.filter(contact=contact, list=each).update(unsubscribed_at=now)
            changes.append((What.LIST, each.name, "joined", "left"))
    return [(str(what), name, was, said) for what, name, was, said in changes]


def _change_fields(contact: Contact, wanted: Choices) -> list[tuple[str, str, str, str]]:
    changes = []
    for field in (What.FREQUENCY, What.LANGUAGE, What.TIME_ZONE):
        was, now = getattr(contact, field), getattr(wanted, field)
        if was != now:
            setattr(contact, field, now)
            changes.append((str(field), "", was, now))
    if changes:
        contact.save(update_fields=[what for what, *_ in changes] + ["updated_at"])
    return changes


def _describe_tracking(is_tracked: bool | None) -> str:
    return "by name" if is_tracked else "not by name"


def unsubscribe_from_everything(reader: Reader, visitor: Visitor) -> Addressee:
    """Unsubscribe a contact from all mail, at once."""
    return unsubscribing.unsubscribe_delivery(reader.delivery, "preferences", visitor)


# ── another address ──────────────────────────────────────────────────────────────────────────────────────────────────


def request_address_change(reader: Reader, email: str, asker: str) -> timedelta:
    """Queue a mail to a new address and return zero; or queue nothing and return how long to wait.

    Only somebody who reads the mail to the new address learns whether another contact has it.

    Args:
        email: normalised.
        asker: the network address that asks.
    """
    assert reader.contact
    tries = TriesInAll(
        "address change",
        str(reader.contact.pk),
        asker,
        at_address=CONTACT_AT_ADDRESS,
        address=ADDRESS,
        account_limit=CONTACT,
    )
    if wait := tries.count(read_clock()):
        return wait
    with transaction.atomic():
        row = AddressChange.objects.create(
            contact=reader.contact, was=reader.contact.email, email=email, delivery_id=reader.delivery
        )
        transaction.on_commit(
            partial(async_task, "mailing.tasks.send_address_link", row.pk, cluster="mail", save=False)
        )
    return timedelta(0)


def send_address_link(change_id: int) -> bool:
    """Mail the link that confirms a new address to that address; return whether it was sent.

    Raises:
        Refused, ConnectFailed: it could not be sent.
    """
    row = AddressChange.objects.select_related("contact").get(pk=change_id)
    refuses = Suppression.Reason.COMPLAINT, Suppression.Reason.HARD_BOUNCE
    if row.confirmed_at or Suppression.objects.filter(email=row.email, reason__in=refuses).exists():
        return False
    with translation.override(choose_page_language(row.contact.language)):
        text = gettext(
            "Somebody, probably you, asked that our mail goes to this address from now on.\n\n"
            "Confirm it here within %(days)s days:\n\n%(link)s\n\n"
            "If it was not you, you need not do anything.\n"
        ) % {"days": ADDRESS_DAYS, "link": make_confirmation_link(row)}
        subject = gettext("Confirm your new address")
    _send(row.email, subject, text)
    return True


def send_address_notice(change_id: int) -> None:
    """Tell the old address that it is no longer used.

    Raises:
        Refused, ConnectFailed: it could not be sent.
    """
    row = AddressChange.objects.select_related("contact").get(pk=change_id)
    with translation.override(choose_page_language(row.contact.language)):
        text = gettext(
            "Our mail from %(site)s goes to another address from now on, as somebody asked who followed a link in "
            "it.\n\nIf it was not you, answer this mail.\n"
        ) % {"site": urlsplit(settings.PUBLIC_URL).hostname}
        subject = gettext("Your address was changed")
    _send(row.was, subject, text)


def _send(email: str, subject: str, text: str) -> None:
    send_mail(require_connection(CALLED), email, subject, text, called=CALLED)


def make_confirmation_link(row: AddressChange) -> str:
    """Return the link that confirms a new address, once."""
    return f"{settings.PUBLIC_URL}{reverse('mailing:confirm_address', args=[_signer.sign(str(row.pk))])}"


def find_address_change(token: str, *, is_locked: bool = False) -> AddressChange:
    """Find the change of address that a link confirms, if it can still be confirmed.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
    """
    try:
        pk = int(_signer.unsign(token))
    except (signing.BadSignature, ValueError) as error:
        raise BadLink("The link is damaged.") from error
    rows = AddressChange.objects.select_related("contact")
    row = (rows.select_for_update(no_key=True) if is_locked else rows).filter(pk=pk).first()
    if row is None:
        raise MailGone
    if row.confirmed_at:
        raise BadLink("This link was used already.")
    is_late = database_time.now() - row.asked_at > timedelta(days=ADDRESS_DAYS)
    is_outdated = AddressChange.objects.filter(contact=row.contact, pk__gt=row.pk).exists()
    if is_late or is_outdated or row.contact.email != row.was:
        raise BadLink("This link is too old.")
    return row


def confirm_address(token: str) -> AddressChange:
    """Give the contact the new address, and queue a notice to the old one.

    Raises:
        BadLink: the link is not ours, or its mail is gone.
        Refused: another contact has the address, or one of the two addresses is suppressed.
    """
    with transaction.atomic():
        row = find_address_change(token, is_locked=True)
        contact, facts = row.contact, contacts.describe_contact(row.contact)
        if Contact.objects.filter(email=row.email).exclude(pk=contact.pk).exists():
            raise Refused(mark("We know this address already. Nothing was changed."))
        if Suppression.objects.filter(email__in=(row.was, row.email)).exists():
            raise Refused(mark("No mail of ours goes to this address. Nothing was changed."))
        contact.email, contact.soft_bounces = row.email, 0
        try:
            with transaction.atomic():
                contact.save(update_fields=["email", "soft_bounces", "updated_at"])
        except IntegrityError as error:  # it has just come with an import
            raise Refused(mark("We know this address already. Nothing was changed.")) from error
        row.confirmed_at = database_time.now()
        row.save(update_fields=["confirmed_at"])
        PreferenceChange.objects.create(
            contact=contact, delivery_id=row.delivery_id, what=What.ADDRESS, was=row.was, now=row.email
        )
        editions.record_edit(contact, facts, contacts.describe_contact(contact))
        transaction.on_commit(
            partial(async_task, "mailing.tasks.send_address_notice", row.pk, cluster="mail", save=False)
        )
    return row
