"""The lock order of mailing: deliveries, contacts, places in lists, suppressed addresses, so that nobody deadlocks.

Somebody else holds a row of one kind, and what is tried waits for it. Meanwhile it may hold no row of a later kind.
"""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from django.db import connection, connections

from mailing import importing, privacy, unsubscribing
from mailing.bounces import policy
from mailing.bounces.verdicts import Failure, Severity
from mailing.importing import steps
from mailing.models import Contact, ContactList, Delivery, Membership, Suppression, Upload
from mailing.sending import database
from mailing.sending.delivery_results import DeliveryResult
from mailing.sending.ledger import Ledger
from mailing.visitors import Visitor
from tests.factories import ContactFactory
from tests.mailing.running import launch_campaign
from tests.pos.test_lock_order import hold_locks, is_somebody_waiting
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)

ADA, ZOE = "ada@example.com", "zoe@example.com"
LOCKS = {
    "delivery": "SELECT FROM mailing_delivery WHERE email = %s FOR NO KEY UPDATE NOWAIT",
    "contact": "SELECT FROM mailing_contact WHERE email = %s FOR NO KEY UPDATE NOWAIT",
    "place": "SELECT FROM mailing_membership JOIN mailing_contact AS contact ON contact.id = contact_id"
    " WHERE email = %s FOR NO KEY UPDATE OF mailing_membership NOWAIT",
    "suppression": "INSERT INTO mailing_suppression (email, reason, source, detail, created_at)"
    " VALUES (%s, 'manual', 'manual', '', now())",
}


@pytest.fixture
def campaign(settings, tmp_path):
    settings.VAR_DIR = tmp_path
    return launch_campaign([ContactFactory(email=ZOE, customer_id="C1"), ContactFactory(email=ADA)])


def start_import():
    """An import of both contacts, checked and started; ZOE wants no more mail."""
    file = io.BytesIO(f"email,customer number,unsubscribed\n{ZOE},C2,yes\n{ADA},C3,no\n".encode())
    upload = importing.receive_contacts(file)
    importing.choose_columns(upload, [taken for _, taken in upload.columns])
    importing.run(upload.pk)
    importing.start(Upload.objects.get(pk=upload.pk))
    return upload.pk


def unsubscribe():
    unsubscribing.unsubscribe_delivery(Delivery.objects.get(email=ZOE).pk, "page", Visitor())


def bounce(severity=Severity.HARD):
    failure = Failure(ZOE, severity)
    policy.note_bounce(Delivery.objects.get(email=ZOE).pk, failure, Suppression.Source.MAILBOX)


def complain():
    policy.note_complaint(Delivery.objects.get(email=ZOE).pk, Suppression.Source.MAILBOX)


def erase():
    privacy.erase_contact(Contact.objects.get(email=ZOE), with_sales=True)


def delete():
    Contact.objects.get(email=ZOE).delete()


def record_results(emails=(ZOE,), **result):
    """Write what servers answered as a run does."""
    claimed = [
        SimpleNamespace(
            pk=Delivery.objects.get(email=email).pk,
            email=email,
            tries=1,
            has_bounced=True,
            campaign=SimpleNamespace(is_tied=False),
        )
        for email in emails
    ]

    async def write():
        own = await database.connect(plans_once=True)
        try:
            results = [(each, DeliveryResult(**result)) for each in claimed]
            await Ledger(own, 7, 60.0, lambda: 0)._commit([], results, [])
        finally:
            await own.close()

    asyncio.run(write())


def fail_hard(*emails):
    record_results(emails or (ZOE,), status=Delivery.Status.BOUNCED, suppress=True)


def fail_softly(*emails):
    record_results(emails or (ZOE,), status=Delivery.Status.BOUNCED, soft=True)


def succeed(*emails):
    record_results(emails or (ZOE,), status=Delivery.Status.ACCEPTED)


@pytest.mark.parametrize(
    ("held", "act", "free"),
    [
        ("delivery", unsubscribe, ["contact", "place", "suppression"]),
        ("delivery", bounce, ["contact", "suppression"]),
        ("delivery", complain, ["contact", "suppression"]),
        ("delivery", erase, ["contact", "place"]),
        ("delivery", delete, ["contact", "place"]),
        ("delivery", fail_hard, ["contact", "suppression"]),
        ("delivery", fail_softly, ["contact", "suppression"]),
        ("delivery", succeed, ["contact"]),
        ("contact", lambda: bounce(Severity.SOFT), ["suppression"]),
        ("contact", fail_softly, ["suppression"]),
        ("contact", erase, ["place"]),
        ("contact", delete, ["place"]),
        ("place", unsubscribe, ["suppression"]),
    ],
    ids=lambda part: getattr(part, "__name__", None) or str(part),
)
def test_who_waits_for_a_row_holds_none_of_a_later_kind(campaign, held, act, free):
    Delivery.objects.update(status="in_data", run=7)
    Contact.objects.update(soft_bounces=4)
    check_that_it_waits_without(act, held, ZOE, [(kind, ZOE) for kind in free])


@pytest.mark.parametrize("act", [fail_softly, succeed])
def test_contacts_are_locked_in_the_order_of_their_addresses(campaign, act):
    Delivery.objects.update(status="in_data", run=7)
    check_that_it_waits_without(lambda: act(ZOE, ADA), "contact", ADA, [("contact", ZOE)])


def test_addresses_are_suppressed_in_their_order(campaign):
    Delivery.objects.update(status="in_data", run=7)
    check_that_it_waits_without(lambda: fail_hard(ZOE, ADA), "suppression", ADA, [("suppression", ZOE)])


def test_somebody_with_two_addresses_is_suppressed_in_their_order(campaign):
    """The mail went to zoe@, and she is ada@ by now."""
    Contact.objects.filter(email=ADA).delete()
    Contact.objects.filter(email=ZOE).update(email=ADA)
    check_that_it_waits_without(unsubscribe, "suppression", ADA, [("suppression", ZOE)])
    assert Suppression.objects.count() == 2


def check_that_it_waits_without(act, held, address, free):
    """Hold a row while `act` is under way, and look whether others may have the rows in `free`."""
    with ThreadPoolExecutor(1) as actor:
        with hold_locks("SELECT") as other:
            other.execute(LOCKS[held], [address])
            acted = actor.submit(run_in_thread, act)
            wait_for(is_somebody_waiting)
            other.execute("SET LOCAL lock_timeout = '1s'")
            for kind, whose in free:
                other.execute(LOCKS[kind], [whose])
        acted.result()


def run_in_thread(act, *arguments):
    try:
        act(*arguments)
    finally:
        connections.close_all()


def test_an_import_keeps_nobody_waiting_who_refers_to_its_contacts(campaign):
    """As each line does that says of a contact what they chose, or which list they are in."""
    upload, pk = start_import(), Contact.objects.get(email=ZOE).pk
    with ThreadPoolExecutor(1) as importer:
        with hold_locks("SELECT") as other:
            other.execute(LOCKS["suppression"], [ZOE])
            imported = importer.submit(run_in_thread, importing.run, upload)
            wait_for(is_somebody_waiting)  # for the suppression; the contacts are written
            other.execute("SET LOCAL lock_timeout = '1s'")
            other.execute("SELECT FROM mailing_contact WHERE id = %s FOR KEY SHARE", [pk])
        imported.result()
    assert Contact.objects.get(pk=pk).customer_id == "C2"


def test_a_contact_whom_an_import_is_putting_into_a_list_is_deleted_after_it(campaign):
    upload, pk = start_import(), Contact.objects.get(email=ZOE).pk
    Upload.objects.filter(pk=upload).update(list=ContactList.objects.create(name="Another"))
    with ThreadPoolExecutor(2) as threads:
        with hold_locks("SELECT") as other:
            other.execute(LOCKS["suppression"], [ZOE])
            imported = threads.submit(run_in_thread, importing.run, upload)
            wait_for(is_somebody_waiting)
            deleted = threads.submit(run_in_thread, delete)
            wait_for(lambda: count_waiting() == 2)
        imported.result()
        deleted.result()
    assert not Contact.objects.filter(pk=pk).exists()
    assert not Membership.objects.filter(contact=pk).exists()
    assert Upload.objects.get(pk=upload).status == "done"


def count_waiting():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


def test_an_import_goes_on_when_its_list_is_deleted_meanwhile(campaign, monkeypatch):
    chosen = ContactList.objects.create(name="Short-lived")
    upload = importing.receive_contacts(io.BytesIO(b"email\nnew@example.com\n"), list=chosen)
    importing.choose_columns(upload, ["email"], list=chosen)
    importing.run(upload.pk)
    importing.start(Upload.objects.get(pk=upload.pk))
    import_batch = steps.import_batch

    def write_place_in_lost_list(*arguments):
        monkeypatch.setattr(steps, "import_batch", import_batch)
        Membership.objects.create(list_id=10**9, contact=Contact.objects.first())

    monkeypatch.setattr(steps, "import_batch", write_place_in_lost_list)
    chosen.delete()
    assert not importing.run(upload.pk)
    assert Upload.objects.get(pk=upload.pk).status == "done"
    assert Contact.objects.filter(email="new@example.com").exists()
