"""What is kept of one person, in mailing and at the tills: shown to them, and erased when they ask for it.

Erasing takes the contact with lists, attributes, consents and changes. What counts something stays and names nobody any
more: in the ledger, in answers of servers and in results of imports a random address stands in the place of theirs, the
same in all of them, from which nothing leads back. Where it is asked for, a random customer number stands in the place
of theirs in sales. A suppression stays: without it the next import would mail them again.
"""

import secrets
from collections.abc import Iterator
from typing import TypeVar

import msgspec
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Model, QuerySet, Value
from django.db.models.functions import Replace
from django.utils.translation import gettext as _

from campaigns import editions, refusals
from campaigns.annotations import ColumnValue, JsonObject
from campaigns.workspace import spreadsheets
from mailing import contact_history, importing
from mailing.catcher import outbox
from mailing.importing import stored_verdicts
from mailing.models import Attempt, Contact, Delivery, Event, HeldReport, Suppression
from pos import privacy as tills
from promotions import privacy as promotions

RowModel = TypeVar("RowModel", bound=Model)

NOWHERE = "erased.invalid"  # no mail goes to .invalid: RFC 2606


def collect_data(contact: Contact) -> JsonObject:
    """Return everything that is kept of a person, as JSON can hold it; amounts are in minor units."""
    customer = contact.customer_id or ""
    by_code = contact_history.list_sales_by_code(contact)
    return {
        "contact": {name: getattr(contact, name) for name in importing.FIELDS}
        | {
            "frequency": contact.frequency,
            "soft_bounces": contact.soft_bounces,
            "engaged_on": contact.engaged_on,
            "created_at": contact.created_at,
            "updated_at": contact.updated_at,
        },
        "attributes": contact.attributes,
        "lists": _list_values(
            contact.memberships.order_by("pk"), "joined_at", "unsubscribed_at", list_name=F("list__name")
        ),
        "tracking_consents": _list_values(
            contact.tracking_consents.order_by("pk"), "at", "is_granted", "how"
        ),
        "preferences_changed": _list_values(
            contact.preference_changes.order_by("pk"), "at", "what", "name", "was", "now"
        ),
        "addresses_asked_for": _list_values(
            contact.address_changes.order_by("pk"), "was", "email", "asked_at", "confirmed_at"
        ),
        "suppression": _list_values(
            Suppression.objects.filter(email=contact.email), "reason", "source", "detail", "created_at"
        ),
        "mails": _list_values(
            contact.deliveries.order_by("pk"),
            "email",
            "status",
            "reason",
            "sent_at",
            "text",
            "opened_at",
            "clicked_at",
            "unsubscribed_at",
            "complained_at",
            "delivered_at",
            campaign_name=F("campaign__name"),
            coupon_code=F("coupon__code"),
        ),
        "tries": _list_values(
            Attempt.objects.filter(delivery__contact=contact).order_by("pk"),
            "at",
            "status",
            "text",
            campaign_name=F("campaign__name"),
        ),
        "opens_and_clicks": _list_values(
            Event.objects.filter(delivery__contact=contact).order_by("pk"),
            "at",
            "kind",
            "origin",
            "device",
            "client",
            "system",
            "link",
            campaign_name=F("campaign__name"),
        ),
        "reports_held": _list_values(HeldReport.objects.filter(address=contact.email), "received_at"),
        "edits": [{"at": edit.at, "changes": edit.detail} for edit in editions.edits_of(contact)],
        "sales": tills.describe_sales(customer, others=by_code),
        **promotions.describe_customer(customer, made_for=contact.pk),
    }


def _list_values(rows: QuerySet[RowModel], *fields: str, **more: F) -> list[JsonObject]:
    return list(rows.values(*fields, **more))


def write_json(contact: Contact) -> bytes:
    """Return everything that is kept of a person as JSON that people can read."""
    return msgspec.json.format(msgspec.json.encode(collect_data(contact)), indent=2) + b"\n"


def csv_lines(contact: Contact) -> Iterator[str]:
    """Yield the same as CSV: a line for each value, with its section, the number of its row there, and its name.

    Sections and names are those of the JSON in every language, so that the two can be laid side by side.
    """
    yield "\ufeff"  # so that Excel takes it for UTF-8
    yield from spreadsheets.csv_lines(
        [spreadsheets.write_headings([_("Section"), _("Row"), _("Name"), _("Value")])]
    )
    for section, held in collect_data(contact).items():
        rows = held if isinstance(held, list) else [held]
        for number, row in enumerate(rows, start=1):
            named = row if isinstance(row, dict) else {"": row}
            yield from spreadsheets.csv_lines(
                [section, number, name, _write_cell(value)] for name, value in named.items()
            )


def _write_cell(value: ColumnValue) -> ColumnValue:
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list) else value


def erase_contact(contact: Contact, *, with_sales: bool, by: User | None = None) -> None:
    """Erase a person from all that is kept; figures stay as they were. A mail that is not sent yet is not sent.

    Args:
        with_sales: sales lose their customer number as well.
        by: None for the command.

    Raises:
        Refused: `by` may not delete contacts.
    """
    refusals.require(by, "mailing.delete_contact", _("erase contacts"))
    stand_in = secrets.token_hex(12)
    with transaction.atomic():
        contact.lock_deliveries()
        found = Contact.objects.select_for_update().get(pk=contact.pk)
        address, customer = found.email, found.customer_id or ""
        _replace_in_ledger(found, f"{stand_in}@{NOWHERE}")
        HeldReport.objects.filter(address=address).delete()
        stored_verdicts.replace_address(address, f"{stand_in}@{NOWHERE}")
        LogEntry.objects.filter(
            content_type__app_label="mailing", content_type__model="contact", object_id=f"{found.pk}"
        ).delete()
        found.delete()
        if with_sales and customer:
            tills.forget_customer(customer, stand_in)
            promotions.forget_customer(customer, stand_in)
    outbox.delete_messages_to(address)


def _replace_in_ledger(contact: Contact, stand_in: str) -> None:
    """Put another address in the place of theirs in deliveries and in what servers answered."""
    said = Replace("text", Value(contact.email), Value(stand_in))
    Attempt.objects.filter(delivery__contact=contact, text__contains=contact.email).update(text=said)
    Delivery.objects.filter(pk__in=contact.lock_deliveries()).update(email=stand_in, text=said)
