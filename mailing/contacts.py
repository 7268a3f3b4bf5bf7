"""One contact at a time: saved by hand, found while somebody types; and all of them as CSV."""

import json
from collections.abc import Collection, Iterator

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from campaigns import database_time, editions
from campaigns.annotations import ColumnValue
from campaigns.refusals import Refused
from campaigns.sentences import mark
from campaigns.workspace import spreadsheets
from campaigns.workspace.key_pages import KeyPage, SortKey, read_key_page
from mailing import audience, contact_search, importing
from mailing.models import Contact, ContactList, Membership, Segment, Suppression, TrackingConsent

MOST_SUGGESTIONS = 10
PER_PAGE = 50
SUGGESTIONS_SEARCHED = (
    200  # so many that PostgreSQL prefers its index of words to a walk in the order of keys
)
COUNTED_AT_ONCE = 1_000  # contacts, in a few milliseconds; more are counted when the page is there
# of the person, not of a mail server
REASONS_OF_WISH = (
    Suppression.Reason.UNSUBSCRIBED,
    Suppression.Reason.COMPLAINT,
)


def describe_contact(contact: Contact) -> dict[str, str]:
    """Return what people may change of a contact, in words."""
    told = editions.column_facts(contact, [name for name in importing.FIELDS if name != "email"])
    attributes = {f"“{name}”": write_attribute(value) for name, value in sorted(contact.attributes.items())}
    lists = ContactList.objects.filter(memberships__contact=contact, memberships__unsubscribed_at=None)
    return {"E-mail address": contact.email, **told, **attributes} | {
        mark("Lists"): ", ".join(lists.order_by("name").values_list("name", flat=True)) if contact.pk else ""
    }


def save_contact(
    contact: Contact, *, lists: Collection[ContactList], by: User | None = None, seen: str | None = None
) -> Contact:
    """Save a new or changed contact and put them in exactly these lists.

    A contact who had left one of `lists` is in it again: somebody who chooses it by hand says that they asked for it. A
    list that they left and that is not among `lists` keeps its row as evidence.

    `seen`: the edition that the form showed; None: whatever there is shall be overwritten.

    Raises:
        EditConflict: it was changed since.
        Refused: it is a new address for somebody who unsubscribed or complained.
    """
    with transaction.atomic():
        was = (
            Contact.objects.select_for_update(no_key=True).filter(pk=contact.pk).first()
            if contact.pk
            else None
        )
        before = describe_contact(was) if was else None
        if was and before:
            editions.refuse_edit_conflict(was, before, seen)
        if was and was.email != contact.email:
            _refuse_new_address_of_suppressed(was)
            contact.soft_bounces = 0  # they were those of the other address
        contact.save()
        places = Membership.objects.filter(contact=contact)
        places.filter(unsubscribed_at=None).exclude(list__in=lists).delete()
        places.filter(list__in=lists, unsubscribed_at__isnull=False).update(
            joined_at=database_time.now(), unsubscribed_at=None
        )
        Membership.objects.bulk_create(
            (Membership(contact=contact, list=each) for each in lists), ignore_conflicts=True
        )
        editions.record_edit(contact, before, describe_contact(contact), by=by)
    return contact


def record_consent(contact: Contact, *, is_granted: bool, how: str, by: User | None = None) -> None:
    """Add a contact's decision about tracking by name. It counts from now on, also for mails already sent."""
    TrackingConsent.objects.create(contact=contact, is_granted=is_granted, how=how, by=by)


def _refuse_new_address_of_suppressed(was: Contact) -> None:
    """Refuse a new address for somebody whose old one is suppressed: the new one would get mail again."""
    wish = Suppression.objects.filter(email=was.email, reason__in=REASONS_OF_WISH).first()
    if wish:
        said = (
            _("complained about our mail")
            if wish.reason == Suppression.Reason.COMPLAINT
            else _("unsubscribed")
        )
        raise Refused(
            [
                (
                    "email",
                    _("“%(email)s” has %(said)s: the address cannot be changed.")
                    % {"email": was.email, "said": said},
                )
            ]
        )


def write_attribute(value: ColumnValue) -> str:
    """Return an attribute's value as people write it; lists and the like as JSON."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


COLUMNS = ("name", "city", "country", "score")  # of the table of contacts, until somebody chooses others
ATTRIBUTE = "attribute:"  # before its name, where it is a column


def list_columns(names: Collection[str]) -> dict[str, str]:
    """Return the columns that the table of contacts can show, by name: fields, and attributes of `names`.

    A name in FIELDS means the field, not an attribute.
    """
    fields = {
        name: str(label)
        for name, label in importing.FIELDS.items()
        if name not in ("email", "first_name", "last_name")
    }
    labels = {"name": _("Name"), **fields, "created_at": _("Added on")}
    own = {name.removeprefix(ATTRIBUTE) for name in names} - labels.keys() - importing.RESERVED
    return labels | {f"{ATTRIBUTE}{name}": name for name in sorted(own)}


def read_column(contact: Contact, column: str) -> ColumnValue:
    """Return the value of a column of the table."""
    if column == "name":
        return f"{contact.first_name} {contact.last_name}".strip()
    if column.startswith(ATTRIBUTE):
        return write_attribute(contact.attributes.get(column.removeprefix(ATTRIBUTE)))
    value = getattr(contact, column)
    return "" if value is None else value


def find_attribute_problem(name: str) -> str:
    """Return why an attribute cannot have this name; "" when it can."""
    if name in importing.RESERVED:
        return _("“%(name)s” is not an attribute: it has a field of its own.") % {"name": name}
    return next((sentence for place, sentence in importing.find_column_problems([name]) if place == 0), "")


def suggest_contacts(words: str) -> list[Contact]:
    """Return a few contacts whose address, a name or number begins with these words, those by address first."""
    words = words.strip().lower()
    if not words:
        return list(Contact.objects.order_by("pk")[:MOST_SUGGESTIONS])
    found = list(Contact.objects.filter(email__startswith=words).order_by("email")[:MOST_SUGGESTIONS])
    if len(found) < MOST_SUGGESTIONS:
        named = contact_search.with_beginning(Contact.objects.all(), words)
        named = named.exclude(pk__in=[contact.pk for contact in found])
        some = named.order_by().values("pk")[:SUGGESTIONS_SEARCHED]
        found += Contact.objects.filter(pk__in=some).order_by("pk")[: MOST_SUGGESTIONS - len(found)]
    return found


def find_contacts(
    words: str = "",
    *,
    list: ContactList | None = None,  # noqa: A002
    segment: Segment | None = None,
) -> QuerySet[Contact]:
    """Return the contacts of a list and a segment that have all these words in their address, name or customer number.

    Raises:
        SegmentError: the segment cannot be used.
    """
    contacts = contact_search.with_words(Contact.objects.all(), words)
    if list:
        contacts = contacts.filter(memberships__list=list, memberships__unsubscribed_at=None)
    if segment:
        contacts = contacts.filter(pk__in=audience.contact_keys(segment.tree))
    return contacts


def read_page(contacts: QuerySet[Contact], *, after: str = "", before: str = "") -> KeyPage[Contact]:
    """Return the page of these contacts, sorted by address, after or before a place that another page named."""
    return read_key_page(contacts, [SortKey(F("email"), str)], PER_PAGE, after=after, before=before)


def count_at_once(contacts: QuerySet[Contact], page: KeyPage[Contact]) -> int | None:
    """Return how many there are, of which `page` is one page; None when to count them would take a page's time."""
    if not (page.before or page.after):
        return len(page)
    counted = contacts.order_by()[: COUNTED_AT_ONCE + 1].count()
    return counted if counted <= COUNTED_AT_ONCE else None


def csv_lines(contacts: QuerySet[Contact]) -> Iterator[str]:
    """Yield these contacts as CSV: their fields, why an address is suppressed, and a column for every attribute."""
    names = sorted(audience.list_attribute_names())
    fields = [*importing.FIELDS]
    reason = Suppression.objects.filter(email=OuterRef("email")).values("reason")
    told = {key: spreadsheets.write_headings([label])[0] for key, label in Suppression.Reason.choices}
    rows = contacts.annotate(suppressed=Subquery(reason)).order_by("pk")
    yield from spreadsheets.csv_lines(
        [
            # people's own names of attributes stay as they are
            [*spreadsheets.write_headings([*importing.FIELDS.values(), _("Suppressed")]), *names]
        ]
    )
    yield from spreadsheets.csv_lines(
        [
            *map(write_attribute, values),
            told.get(why, ""),
            *(write_attribute(attributes.get(name)) for name in names),
        ]
        for *values, why, attributes in rows.values_list(*fields, "suppressed", F("attributes")).iterator(
            chunk_size=spreadsheets.CHUNK
        )
    )
