"""What proves that a mail was taken makes it uncertain no more, in whatever order the proof and the doubt come."""

import json

import pytest
from django.db import connection

from campaigns import database_time, doctor
from mailing import drafting, tallies, unsubscribing
from mailing.bounces import intake, policy
from mailing.models import Delivery, Suppression
from mailing.sending import arrivals, lanes, tokens
from mailing.sending.ledger import FLUSH
from mailing.visitors import Visitor
from mailing.webhooks.events import Kind, ProviderEvent, take_event
from tests.factories import ContactFactory
from tests.mailing.bounces import corpus
from tests.mailing.running import launch_campaign
from tests.mailing.visits import BODY, get

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def sound_books():
    yield
    assert list(doctor.find_breaches()) == []


@pytest.fixture
def campaign():
    return launch_campaign([ContactFactory(email="ada@example.org")], body=BODY, body_format="html")


def put(delivery, status, **fields):
    Delivery.objects.filter(pk=delivery.pk).update(**{"status": status, "due_at": None, "run": 1} | fields)


def read_status(delivery):
    delivery.refresh_from_db()
    return delivery.status


def read_report(delivery, action):
    """What a server reports of a mail of ours that it did not refuse."""
    body = (
        f"{{dsn postfix}}\nFinal-Recipient: rfc822; ada@example.org\nAction: {action}\nStatus: 2.0.0\n{{end}}"
    )
    return corpus.fill(body, delivery.pk).encode()


AUTO_REPLY = (
    "From: ada@example.org\nTo: {verp}\nSubject: Out of office\nAuto-Submitted: auto-replied\n\nAway."
)
PROOFS = {
    "a provider has it": lambda one: take_event(ProviderEvent(Kind.ACCEPTED, one.pk, "")),
    "a provider delivered it": lambda one: take_event(ProviderEvent(Kind.DELIVERED, one.pk, "")),
    "a report says delivered": lambda one: intake.take_message(read_report(one, "delivered")),
    "a report says relayed": lambda one: intake.take_message(read_report(one, "relayed")),
    "a report says delayed": lambda one: intake.take_message(read_report(one, "delayed")),
    "a machine answers": lambda one: intake.take_message(corpus.fill(AUTO_REPLY, one.pk).encode()),
    "a complaint": lambda one: policy.note_complaint(one.pk, Suppression.Source.MAILBOX),
    "an unsubscription": lambda one: unsubscribing.unsubscribe_delivery(one.pk, "page", Visitor()),
    "an open": lambda one: get(f"/t/o/{tokens.sign_tokens([one.pk])[0].open}"),
    "a click": lambda one: get(f"/t/c/{tokens.sign_tokens([one.pk])[0].click}/0"),
}
DELIVERED = {"a provider delivered it", "a report says delivered"}


@pytest.mark.parametrize("proof", PROOFS)
def test_what_proves_that_a_mail_was_taken_ends_the_doubt(campaign, delivery, proof):
    put(delivery, "uncertain")
    for _ in range(2):
        PROOFS[proof](delivery)
        assert read_status(delivery) == "accepted"
    assert delivery.sent_at is not None
    assert (delivery.delivered_at is not None) is (proof in DELIVERED)
    sums = tallies.read_sums(campaign.pk)
    assert (sums["accepted"], sums.get("uncertain"), sums.get("delivered")) == (
        1,
        None,
        1 if proof in DELIVERED else None,
    )


@pytest.mark.parametrize(
    "proof", sorted(DELIVERED | {"a complaint", "an unsubscription", "an open", "a click"})
)
@pytest.mark.parametrize("end", ["the answer never comes", "the process dies"])
def test_a_proof_that_comes_before_the_doubt_counts_as_well(campaign, delivery, proof, end):
    run = lanes.take_lane(delivery.connection_id, 0)
    put(delivery, "in_data", run=run)
    PROOFS[proof](delivery)
    assert read_status(delivery) == "in_data"
    if end == "the process dies":
        lanes.end_run(run)
    else:
        fate = {"id": delivery.pk, "status": "uncertain", "spent": 1, "stage": "dot", "code": None,
                "enhanced_code": "", "text": "No answer came."}  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(FLUSH, [json.dumps([fate]), run, "{}", run])
    assert read_status(delivery) == "accepted"
    assert delivery.sent_at is not None


@pytest.mark.parametrize("end", ["the answer never comes", "the process dies"])
def test_without_a_proof_it_stays_in_doubt(campaign, delivery, end):
    run = lanes.take_lane(delivery.connection_id, 0)
    put(delivery, "in_data", run=run)
    if end == "the process dies":
        lanes.end_run(run)
    else:
        fate = {"id": delivery.pk, "status": "uncertain", "spent": 1, "stage": "dot", "code": None,
                "enhanced_code": "", "text": "No answer came."}  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(FLUSH, [json.dumps([fate]), run, "{}", run])
    assert read_status(delivery) == "uncertain"


@pytest.mark.parametrize("status", ["pending", "deferred"])
def test_one_that_was_put_back_in_line_is_not_sent_again_once_it_is_known_to_be_delivered(
    campaign, delivery, status
):
    put(delivery, "uncertain")
    drafting.resend_uncertain(campaign)
    put(delivery, status, due_at=database_time.now())
    assert arrivals.note_delivered(delivery.pk)
    assert read_status(delivery) == "accepted"
    assert delivery.due_at is None


def test_a_mail_that_no_run_has_taken_was_not_delivered(campaign, delivery):
    assert not arrivals.note_delivered(delivery.pk)
    assert not arrivals.note_taken(delivery.pk)
    assert read_status(delivery) == "pending"


@pytest.mark.parametrize("proof", sorted(DELIVERED))
def test_one_that_bounced_stays_bounced(campaign, delivery, proof):
    put(delivery, "bounced", sent_at=database_time.now())
    PROOFS[proof](delivery)
    assert read_status(delivery) == "bounced"


def test_doctor_names_a_doubt_that_is_none(campaign, delivery):
    put(delivery, "uncertain", delivered_at=database_time.now())
    assert list(doctor.find_breaches()) == [
        f"Campaign {campaign.pk}: 1 deliveries are uncertain, although it is known that they arrived."
    ]
    put(delivery, "accepted", sent_at=database_time.now())
