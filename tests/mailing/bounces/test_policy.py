"""What bounces and complaints lead to: the ledger, suppressions, pauses; the same whatever comes twice or late."""

from datetime import timedelta

import pytest

from campaigns import database_time, doctor
from mailing import tallies
from mailing.bounces import Kind, health, intake, policy
from mailing.bounces.verdicts import Failure, Severity
from mailing.models import Attempt, Delivery, EmailCampaign, HeldReport, Membership, Suppression
from tests.factories import ContactFactory, DeliveryFactory, EmailCampaignFactory
from tests.mailing.bounces import corpus

pytestmark = pytest.mark.django_db
MAILBOX = Suppression.Source.MAILBOX


@pytest.fixture(autouse=True)
def sound_books():
    yield
    assert list(doctor.find_breaches()) == []


def fail(severity, text="550 no"):
    return Failure("", Severity(severity), code=550, enhanced="5.1.1", text=text)


def deliver(contact, campaign=None, **fields):
    campaign = campaign or EmailCampaignFactory(status="completed", from_email="shop@shop.example")
    given = {
        "email": contact.email,
        "contact": contact,
        "status": "accepted",
        "sent_at": database_time.now(),
        "due_at": None,
    }
    delivery = DeliveryFactory(campaign=campaign, **given | fields)
    EmailCampaign.objects.filter(pk=campaign.pk).update(
        total=Delivery.objects.filter(campaign=campaign).count()
    )
    return delivery


def test_a_hard_bounce_suppresses_once_and_is_counted_once():
    delivery = deliver(ContactFactory())
    assert policy.note_bounce(delivery.pk, fail("hard"), MAILBOX)
    assert not policy.note_bounce(delivery.pk, fail("hard"), MAILBOX)
    suppression = Suppression.objects.get()
    assert (suppression.email, suppression.reason, suppression.source) == (
        delivery.email, "hard_bounce", "mailbox",
    )  # fmt: skip
    assert tallies.read_sums(delivery.campaign_id)["returned"] == 1
    assert Attempt.objects.filter(delivery=delivery, status="bounced", stage="report").count() == 1


@pytest.mark.parametrize("severity", ["refused", "ours"])
def test_what_says_nothing_against_the_address_suppresses_nobody(severity):
    contact = ContactFactory()
    for _ in range(6):
        policy.note_bounce(deliver(contact).pk, fail(severity), MAILBOX)
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("status", ["accepted", "uncertain", "in_data"])
def test_a_mail_that_may_have_been_taken_can_come_back(status):
    run = {"run": 1} if status == "in_data" else {}
    campaign = EmailCampaignFactory(status="running")
    delivery = deliver(ContactFactory(), campaign, status=status, due_at=None, sent_at=None, **run)
    policy.note_bounce(delivery.pk, fail("refused"), MAILBOX)
    delivery.refresh_from_db()
    assert delivery.status == "bounced"
    assert delivery.sent_at is not None


def test_a_mail_that_waits_keeps_its_place_and_the_claim_sees_the_suppression():
    delivery = deliver(ContactFactory(), EmailCampaignFactory(status="running"), status="pending", sent_at=None,
                       due_at=database_time.now())  # fmt: skip
    policy.note_bounce(delivery.pk, fail("hard"), MAILBOX)
    delivery.refresh_from_db()
    assert delivery.status == "pending"
    assert Suppression.objects.get().email == delivery.email


def test_the_fifth_soft_bounce_in_a_row_suppresses():
    contact = ContactFactory()
    for number in range(1, 6):
        policy.note_bounce(deliver(contact).pk, fail("soft", "full"), MAILBOX)
        assert Suppression.objects.exists() == (number == 5)
    assert Suppression.objects.get().reason == "soft_bounce"


def test_a_mail_that_arrived_in_between_begins_the_row_anew():
    """Also where servers of ours take every mail first, so that acceptance proves nothing."""
    contact = ContactFactory()
    for _ in range(4):
        policy.note_bounce(deliver(contact).pk, fail("soft"), MAILBOX)
    contact.refresh_from_db()
    deliver(contact, sent_at=contact.soft_bounced_at + timedelta(days=1))
    late = deliver(contact, sent_at=contact.soft_bounced_at + timedelta(days=2))
    policy.note_bounce(late.pk, fail("soft"), MAILBOX)
    contact.refresh_from_db()
    assert contact.soft_bounces == 1
    assert not Suppression.objects.exists()


def test_the_same_soft_report_twice_counts_once():
    delivery = deliver(ContactFactory())
    for _ in range(7):
        policy.note_bounce(delivery.pk, fail("soft"), MAILBOX)
    delivery.contact.refresh_from_db()
    assert delivery.contact.soft_bounces == 1


def test_a_complaint_suppresses_everywhere_and_keeps_an_older_reason():
    contact = ContactFactory()
    Suppression.objects.create(email=contact.email, reason="unsubscribed")
    first, second = deliver(contact), deliver(ContactFactory())
    assert policy.note_complaint(first.pk, MAILBOX)
    assert not policy.note_complaint(first.pk, MAILBOX)
    policy.note_complaint(second.pk, MAILBOX)
    assert Suppression.objects.get(email=contact.email).reason == "unsubscribed"
    assert Suppression.objects.get(email=second.email).reason == "complaint"
    assert tallies.read_sums(first.campaign_id)["complained"] == 1


@pytest.mark.parametrize(
    ("complaints", "sent", "band", "is_paused"),
    [(0, 1000, "healthy", False), (1, 1001, "healthy", False), (1, 1000, "attention", False),
     (2, 400, "critical", False), (3, 1001, "attention", False), (3, 1000, "critical", True)],
)  # fmt: skip
def test_too_many_complaints_pause_the_campaigns_of_the_sender_domain(complaints, sent, band, is_paused):
    done = EmailCampaignFactory(status="completed", from_email="shop@shop.example", total=sent)
    running = EmailCampaignFactory(status="running", from_email="news@shop.example")
    other = EmailCampaignFactory(status="running", from_email="shop@other.example")
    Delivery.objects.bulk_create(
        Delivery(campaign=done, email=f"p{n}@x.example", status="accepted", due_at=None) for n in range(sent)
    )
    for pk in Delivery.objects.filter(campaign=done).values_list("pk", flat=True)[:complaints]:
        policy.note_complaint(pk, MAILBOX)
    [figures] = [domain for domain in health.list_domains() if domain.domain == "shop.example"]
    assert (figures.complaint_band, figures.complained, figures.sent) == (band, complaints, sent)
    statuses = [EmailCampaign.objects.get(pk=campaign.pk).status for campaign in (running, other)]
    assert statuses == ["paused" if is_paused else "running", "running"]
    if is_paused:
        why = running.history.get(verb="pause").why
        assert "3 of 1,000 recipients of mails from shop.example complained" in why


@pytest.mark.parametrize(
    ("bounced", "of", "band"),
    [(19, 1000, "healthy"), (20, 1000, "attention"), (49, 1000, "attention"), (50, 1000, "critical"),
     (0, 0, "healthy")],
)  # fmt: skip
def test_the_bands_of_the_bounce_rate(bounced, of, band):
    assert health.judge_rate(bounced, of, health.BOUNCES_FROM) == band


# ── from message to result ───────────────────────────────────────────────────────────────────────────────────────────


def test_every_report_of_the_corpus_suppresses_exactly_whom_it_should():
    """The mail went to ada@example.org; reports that name others speak of where it was passed on to."""
    for pk, case in enumerate(corpus.read_cases(), 1):
        contact = ContactFactory(email=f"ada{pk}@example.org")
        delivery = deliver(contact)
        raw = next(each.raw for each in corpus.read_cases(delivery.pk) if each.name == case.name)
        raw = raw.replace(b"ada@example.org", contact.email.encode())
        intake.take_message(raw)
        found = Suppression.objects.filter(email=contact.email).first()
        wanted = {
            Kind.BOUNCE: "hard_bounce" if case.severities[:1] == ["hard"] and not case.is_spared else None,
            Kind.COMPLAINT: "complaint",
            Kind.UNSUBSCRIBE: "unsubscribed",
        }.get(Kind(case.kind))
        assert (found.reason if found else None) == (wanted if case.is_ours else None), case.name
    assert not Suppression.objects.exclude(email__startswith="ada").exists()


def test_of_several_recipients_ours_decides_and_else_the_mildest():
    soft, hard = (Failure(name, Severity(name), name) for name in ("soft", "hard"))
    ours = Failure("bob@x.example", Severity.SOFT, "Ada@EXAMPLE.org")
    assert policy.choose_failure([hard, ours], "ada@example.org") is ours
    assert policy.choose_failure([hard, soft], "ada@example.org") is soft
    assert policy.choose_failure([], "ada@example.org") is None


def test_a_mail_to_unsubscribe_is_evidence_like_the_link():
    delivery = deliver(ContactFactory(email="ada@example.org"))
    raw = next(each.raw for each in corpus.read_cases(delivery.pk) if each.name == "unsubscribe by mail")
    assert intake.take_message(raw) == intake.Outcome.ACTED
    intake.take_message(raw)
    delivery.refresh_from_db()
    assert delivery.unsubscribed_at is not None
    assert delivery.events.get().how == "mail"
    assert Membership.objects.filter(unsubscribed_at=None, contact=delivery.contact).count() == 0


@pytest.mark.parametrize(
    "name", ["foreign report of a mail that is not ours", "forged return path", "a person answers"]
)
def test_what_proves_nothing_waits_for_a_person_once(name):
    ContactFactory(email="ada@example.org")
    raw = next(each.raw for each in corpus.read_cases() if each.name == name)
    intake.take_message(raw)
    intake.take_message(raw)
    assert HeldReport.objects.get().decision == "waiting"
    assert not Suppression.objects.exists()
