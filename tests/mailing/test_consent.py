"""What may be noted of opens and clicks: the site's mode, the campaign's, and the contact's consent of now."""

from itertools import product

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from campaigns import doctor
from mailing import contacts, content, launch, progress, reports, tracking
from mailing.models import Contact, Event, EventCount, Mode, TrackingConsent, TrackingPolicy
from mailing.models.tracking import choose_stricter
from mailing.sending import tokens
from tests.mailing.running import launch_campaign
from tests.mailing.visits import BODY, get

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    return launch_campaign(2, body=BODY, body_format="html")


def set_mode(mode):
    TrackingPolicy.objects.update_or_create(pk=1, defaults={"mode": mode})


def decide(delivery, *, is_granted):
    contacts.record_consent(delivery.contact, is_granted=is_granted, how=TrackingConsent.How.PAGE)


@pytest.mark.parametrize(("one", "other"), list(product(Mode.values, ["", *Mode.values])))
def test_of_two_modes_the_stricter_counts(one, other):
    chosen = choose_stricter(one, other)
    assert chosen in (one, other)
    assert Mode.values.index(chosen) <= Mode.values.index(one)
    if other:
        assert Mode.values.index(chosen) <= Mode.values.index(other)


@pytest.mark.parametrize("mode", Mode.values)
def test_each_mode_notes_no_more_than_it_says_and_the_link_leads_to_its_target(
    campaign, delivery, token, mode
):
    set_mode(mode)
    assert get(f"/t/o/{token.open}").status_code == 200
    for _ in range(2):
        assert get(f"/t/c/{token.click}/0")["Location"].startswith("https://shop.example/0")
    delivery.refresh_from_db()
    assert (delivery.clicked_at is not None) is (mode == "individual")
    assert Event.objects.exists() is (mode == "individual")
    counted = {(row.kind, row.link): row.amount for row in EventCount.objects.all()}
    assert counted == ({("opened", None): 1, ("clicked", 0): 1} if mode in ("aggregate", "hygiene") else {})
    assert (Contact.objects.get(pk=delivery.contact_id).engaged_on is not None) is (mode == "hygiene")
    answers = reports.count_answers(campaign)
    assert answers.links[0].clicks == (0 if mode == "none" else 1)
    assert answers.links[0].people == (1 if mode == "individual" else 0)
    assert list(doctor.find_breaches()) == []


def test_a_campaign_may_be_stricter_than_the_site_and_never_looser():
    strict = launch_campaign(1, body=BODY, body_format="html", tracking="aggregate")
    get(f"/t/o/{tokens.sign_token(strict.deliveries.get().pk, tokens.Purpose.OPEN)}")
    set_mode("aggregate")
    loose = launch_campaign(1, body=BODY, body_format="html", tracking="individual")
    get(f"/t/o/{tokens.sign_token(loose.deliveries.get().pk, tokens.Purpose.OPEN)}")
    assert not Event.objects.exists()
    assert EventCount.objects.count() == 2


def test_a_mail_that_nothing_is_noted_of_has_no_pixel_and_plain_links():
    campaign = launch_campaign(1, body=BODY, body_format="html", tracking="none")
    mail = content.compile(launch.build_source(campaign)).render(
        content.Recipient("x@y.test", message_id="m"), content.Links("https://m.shop.test", "tok")
    )
    assert b"/t/o/" not in mail
    assert b"/t/c/" not in mail


@pytest.mark.parametrize(
    ("asks", "decision", "basis"),
    [
        ("opt-out", None, "interest"),
        ("opt-out", True, "consent"),
        ("opt-out", False, None),
        ("opt-in", None, None),
        ("opt-in", True, "consent"),
        ("opt-in", False, None),
    ],
)
def test_an_event_names_a_person_with_a_basis_only(settings, delivery, token, asks, decision, basis):
    settings.TRACKING_CONSENT = asks
    if decision is not None:
        decide(delivery, is_granted=decision)
    get(f"/t/o/{token.open}")
    found = Event.objects.values_list("basis", "consent")
    expected = (basis, TrackingConsent.objects.get().pk if basis == "consent" else None)
    assert list(found) == ([expected] if basis else [])
    assert EventCount.objects.count() == (0 if basis else 1)
    assert list(doctor.find_breaches()) == []


def test_a_withdrawal_counts_for_mails_already_sent(delivery, token):
    decide(delivery, is_granted=True)
    get(f"/t/c/{token.click}/0")
    decide(delivery, is_granted=False)
    assert get(f"/t/c/{token.click}/1").status_code == 302
    assert list(Event.objects.filter(kind="clicked").values_list("link", flat=True)) == [0]
    assert TrackingConsent.objects.count() == 2


def test_an_unsubscription_is_evidence_in_every_mode(delivery, token):
    set_mode("none")
    assert Client().post(f"/u/{token.unsubscribe}").status_code == 200
    assert Event.objects.get().basis == "evidence"


@pytest.mark.parametrize("last", [4, content.TRAP])
def test_a_burst_that_names_nobody_is_a_machine(campaign, token, last, monkeypatch):
    assert tracking.BURST_SECONDS == 1
    for name in ("BURST_SECONDS", "TRAP_SECONDS"):  # a busy machine takes its time
        monkeypatch.setattr(tracking, name, 60)
    set_mode("aggregate")
    for number in (0, 1, 2, 3, last):
        get(f"/t/c/{token.click}/{number}")
    answers = reports.count_answers(campaign)
    assert [each.clicks for each in answers.origins] == [0, 0, 5]
    assert [link.clicks for link in answers.links] == [0] * 6
    assert progress.read_figures(campaign).clicked == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "opened", "basis": ""},
        {"kind": "opened", "basis": "evidence"},
        {"kind": "opened", "basis": "consent"},
        {"kind": "clicked", "basis": "interest", "consent_id": 1},
        {"kind": "unsubscribed", "basis": "interest"},
    ],
)
def test_the_database_refuses_a_named_event_without_its_basis(delivery, wrong):
    with pytest.raises(IntegrityError), transaction.atomic():
        Event.objects.bulk_create([Event(delivery=delivery, campaign_id=delivery.campaign_id, **wrong)])


def test_a_decision_about_tracking_is_only_added(delivery):
    decide(delivery, is_granted=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        TrackingConsent.objects.update(is_granted=False)
    delivery.contact.delete()
    assert not TrackingConsent.objects.exists()


def test_doctor_names_events_beyond_the_setting(settings, campaign, token):
    get(f"/t/o/{token.open}")
    settings.TRACKING_CONSENT = "opt-in"
    assert list(doctor.find_breaches()) == [
        f"Campaign {campaign.pk}: 1 events have no consent, and TRACKING_CONSENT is opt-in."
    ]


def test_the_setting_is_on_a_page_that_administrators_change(client, marketer, admin_client):
    assert "What to record about opens and clicks" in client.get("/tracking/").content.decode()
    assert client.post("/tracking/", {"mode": "none"}).status_code == 403
    assert admin_client.post("/tracking/", {"mode": "aggregate"}).status_code == 302
    assert TrackingPolicy.read_row().mode == "aggregate"
    assert admin_client.post("/tracking/", {"mode": "all"}).status_code == 422


def test_a_decision_is_noted_by_hand_on_the_contacts_page(client, marketer, delivery):
    page = f"/contacts/{delivery.contact_id}/"
    assert "No decision yet" in client.get(page).content.decode()
    assert client.post(f"{page}consent/", {"decision": "refused"}).status_code == 302
    assert "Refuses tracking" in client.get(page).content.decode()
    assert TrackingConsent.objects.get().how == "hand"
