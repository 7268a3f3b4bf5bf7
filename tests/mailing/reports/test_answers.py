"""Links, devices, countries, domains: what goes through the whole ledger, counted now or kept."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_q.models import OrmQ

from campaigns import doctor
from mailing import reports, retention, tallies, tasks
from mailing.models import Contact, Delivery, Event, EventCount, Mode, ReportFigures, TrackingConsent
from mailing.reports import counting, stored_counts
from mailing.reports import delivery as delivered
from tests.factories import user_in
from tests.mailing.pages import page
from tests.mailing.reports.ledgers import accept, add_event, click, launch, open_mail

pytestmark = pytest.mark.django_db

PHONE = {"device": "mobile", "client": "Apple Mail", "system": "iOS"}
DESK = {"device": "desktop", "client": "Outlook", "system": "Windows"}


@pytest.fixture
def campaign():
    found = launch(5)
    accept(found)
    return found


@pytest.fixture
def rows(campaign):
    return list(campaign.deliveries.order_by("pk"))


@pytest.fixture
def every_campaign_is_large(monkeypatch):
    monkeypatch.setattr(stored_counts, "COUNTED_AT_ONCE", 0)


def path(campaign):
    return f"/campaigns/email/{campaign.pk}/report/"


def count_nameless(campaign, **fields):
    at = timezone.now().replace(minute=0, second=0, microsecond=0)
    return EventCount.objects.create(
        **{"campaign": campaign, "origin": "human", "at": at, "amount": 1} | fields
    )


# ── links ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_counts_clicks_and_people_named_or_not_and_the_honeypot_is_none(campaign, rows):
    click(rows[0], 0)
    click(rows[0], 0)
    click(rows[1], 0)
    click(rows[2], 1)
    add_event(rows[3], "clicked", link=None, how="trap", origin="machine")
    count_nameless(campaign, kind="clicked", link=1, amount=3)
    found = reports.count_answers(campaign)
    assert [(link.url, link.clicks, link.people) for link in found.links] == [
        ("https://shop.example/news", 3, 2),
        ("https://shop.example/sale", 4, 1),
    ]
    assert [(each.opens, each.clicks) for each in found.origins] == [(3, 7), (0, 0), (0, 1)]
    assert (found.unnamed, found.unnamed_clicks, found.unnamed_opens) == (3, 3, 0)


# ── devices, mail programs, countries ────────────────────────────────────────────────────────────────────────────────


def list_rows(found):
    return [(row.label, row.opens, row.clicks, row.proxied) for row in found]


def test_devices_programs_and_systems_are_those_of_people(campaign, rows):
    click(rows[0], **PHONE)
    open_mail(rows[1], **PHONE)
    open_mail(rows[2], **DESK)
    open_mail(rows[3], origin="unknown", client="Gmail")
    open_mail(rows[4], origin="machine", **DESK)
    open_mail(rows[4])
    count_nameless(campaign, kind="opened", amount=2, **DESK)
    found = reports.count_answers(campaign)
    assert list_rows(found.devices) == [("Desktop", 3, 0, 0), ("Mobile", 2, 1, 0), ("Not known", 1, 0, 0)]
    assert list_rows(found.clients) == [
        ("Outlook", 3, 0, 0),
        ("Apple Mail", 2, 1, 0),
        ("Gmail", 0, 0, 1),
        ("Not known", 1, 0, 0),
    ]
    assert list_rows(found.systems) == [("Windows", 3, 0, 0), ("iOS", 2, 1, 0), ("Not known", 1, 0, 0)]


def test_countries_are_those_of_the_contacts(campaign, rows):
    Contact.objects.filter(pk=rows[0].contact_id).update(country="AT")
    Contact.objects.filter(pk=rows[1].contact_id).update(country="")
    Contact.objects.filter(pk=rows[2].contact_id).delete()
    Delivery.objects.filter(pk=rows[3].pk).update(status="skipped", sent_at=None)
    click(rows[0])
    found = reports.count_answers(campaign).countries
    assert [(row.label, row.sent, row.opened, row.clicked) for row in found] == [
        ("Austria", 1, 1, 1),
        ("Germany", 1, 0, 0),
        ("Not known", 2, 0, 0),
    ]


def test_cities_are_those_of_the_contacts_the_smaller_ones_together(campaign, rows, monkeypatch):
    monkeypatch.setattr(counting, "CITIES_NAMED", 2)
    for row, (city, country) in zip(
        rows, [("Wien", "AT"), ("Wien", "AT"), ("Graz", ""), ("Linz", "AT"), ("", "AT")], strict=True
    ):
        Contact.objects.filter(pk=row.contact_id).update(city=city, country=country)
    click(rows[0])
    found = reports.count_answers(campaign).cities
    assert [(row.label, row.sent, row.opened, row.clicked) for row in found] == [
        ("Wien, Austria", 2, 1, 1),
        ("Graz", 1, 0, 0),
        ("1 other", 1, 0, 0),
    ]


def test_the_report_shows_cities(client, marketer, campaign, rows):
    assert "Cities of the recipients" not in page(client, path(campaign))
    Contact.objects.filter(pk=rows[0].contact_id).update(city="Wien", country="AT")
    assert "Wien, Austria" in page(client, path(campaign))


# ── domains ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_domain_stands_beside_the_codes_of_its_last_answers(client, marketer, campaign, rows):
    for row, (email, code) in zip(
        rows,
        [
            ("a@big.test", 250),
            ("b@big.test", 550),
            ("c@big.test", 250),
            ("d@small.test", 451),
            ("e@x.test", None),
        ],
        strict=True,
    ):
        Delivery.objects.filter(pk=row.pk).update(email=email, code=code)
    answers = reports.count_answers(campaign)
    matrix = reports.build_matrix(answers.replies, answers.domains)
    assert matrix.columns == ["250", "451", "550", "No answer"]
    assert [(row.label, row.total, [amount for _, amount in row.cells]) for row in matrix.rows] == [
        ("big.test", 3, [2, 0, 1, 0]),
        ("small.test", 1, [0, 1, 0, 0]),
        ("x.test", 1, [0, 0, 0, 1]),
    ]
    assert reports.list_codes(answers.replies) == ["250", "451", "550"]
    text = page(client, path(campaign))
    assert "?code=550&amp;q=@big.test#recipients" in text
    found = page(client, f"{path(campaign)}?code=550&q=@big.test")
    assert "b@big.test" in found
    assert "a@big.test" not in found
    assert "e@x.test" in page(client, f"{path(campaign)}?code=none")


def test_many_domains_and_codes_are_put_together(campaign, rows, monkeypatch):
    monkeypatch.setattr(reports.counting, "DOMAINS_NAMED", 1)
    monkeypatch.setattr(delivered, "CODES_SHOWN", 1)
    for number, row in enumerate(rows):
        email, code = ("a@big.test", 250) if number < 3 else (f"a@small{number}.test", 550 + number)
        Delivery.objects.filter(pk=row.pk).update(email=f"{number}{email}", code=code)
    answers = reports.count_answers(campaign)
    matrix = reports.build_matrix(answers.replies, answers.domains)
    assert matrix.columns == ["250", "Others"]
    assert [(row.label, [amount for _, amount in row.cells]) for row in matrix.rows] == [
        ("big.test", [3, 0]),
        ("2 smaller domains", [0, 2]),
    ]


# ── who clicked most ─────────────────────────────────────────────────────────────────────────────────────────────────


def list_top(campaign, mode=Mode.INDIVIDUAL):
    return reports.list_top_clickers(campaign, reports.count_answers(campaign).clickers, mode)


def test_those_who_clicked_most_come_first_and_leave_with_their_consent(campaign, rows):
    for link in (0, 1, 0):
        click(rows[1], link)
    click(rows[0])
    found = list_top(campaign)
    assert [(row.email, each.clicks, each.links) for row, each in found.rows] == [
        (rows[1].email, 3, 2),
        (rows[0].email, 1, 1),
    ]
    TrackingConsent.objects.create(contact=rows[1].contact, is_granted=False, how="page")
    assert [row.email for row, _ in list_top(campaign).rows] == [rows[0].email]


@pytest.mark.parametrize(
    ("mode", "consent", "names"),
    [("individual", None, 0), ("individual", True, 1), ("aggregate", True, 0), ("none", True, 0)],
)
def test_nobody_is_named_without_individual_tracking_and_consent(
    campaign, rows, settings, mode, consent, names
):
    settings.TRACKING_CONSENT = "opt-in"
    click(rows[0])
    if consent is not None:
        TrackingConsent.objects.create(contact=rows[0].contact, is_granted=consent, how="page")
    found = list_top(campaign, Mode(mode))
    assert len(found.rows) == names
    assert bool(found.reason) is not bool(names)


# ── kept figures of large campaigns ──────────────────────────────────────────────────────────────────────────────────


def test_a_large_campaign_is_counted_by_the_queue_once_and_then_shown(
    client, marketer, campaign, rows, every_campaign_is_large
):
    click(rows[0])
    text = page(client, path(campaign))
    assert "are being counted" in text
    assert "no recipients" not in text
    page(client, path(campaign))
    assert [task.func() for task in OrmQ.objects.all()] == ["mailing.tasks.count_report"]
    tasks.count_report(campaign.pk)
    click(rows[1])
    text = page(client, path(campaign))
    assert "domains as counted" in text
    assert reports.count_answers(campaign).links[0].clicks == 1
    assert OrmQ.objects.count() == 1  # what is kept is fresh
    ReportFigures.objects.update(counted_at="2026-01-01T00:00Z", asked_at="2026-01-01T00:00Z")
    page(client, path(campaign))
    assert OrmQ.objects.count() == 2
    tasks.count_report(campaign.pk)
    assert reports.count_answers(campaign).links[0].clicks == 2


def test_an_older_count_never_replaces_a_newer_one(campaign, rows, every_campaign_is_large):
    tasks.count_report(campaign.pk)
    ReportFigures.objects.update(counted_at="2099-01-01T00:00Z")
    click(rows[0])
    tasks.count_report(campaign.pk)
    assert reports.count_answers(campaign).links[0].clicks == 0


def test_a_large_campaign_is_counted_when_it_ends(campaign, every_campaign_is_large):
    stored_counts.queue_ended_campaigns(timezone.now())
    assert not OrmQ.objects.exists()
    type(campaign).objects.filter(pk=campaign.pk).update(status="completed", finished_at=timezone.now())
    stored_counts.queue_ended_campaigns(timezone.now())
    assert OrmQ.objects.count() == 1
    tasks.count_report(campaign.pk)
    ReportFigures.objects.update(asked_at=None)
    stored_counts.queue_ended_campaigns(timezone.now())
    assert OrmQ.objects.count() == 1


def test_doctor_finds_kept_figures_that_are_not_the_ledgers(campaign, rows, every_campaign_is_large):
    click(rows[0])
    tasks.count_report(campaign.pk)
    assert list(doctor.find_breaches()) == []
    figures = ReportFigures.objects.get()
    figures.counts["people"][0]["amount"] = 9
    figures.counts["replies"][0]["amount"] = 9
    figures.save()
    assert list(doctor.find_breaches()) == [
        f"Campaign {campaign.pk}: the {part} that its report tells of are not those of the ledger."
        for part in ("people", "replies")
    ]
    click(rows[1])  # something has happened since: it is no error that they differ
    assert list(doctor.find_breaches()) == []


def test_doctor_finds_events_that_the_ledger_does_not_count(campaign, rows):
    add_event(rows[0], "opened")
    count_nameless(campaign, kind="clicked", link=1, amount=-2)
    assert list(doctor.find_breaches()) == [
        f"Campaign {campaign.pk}: 1 recipients have events of people, and are not counted as opened.",
        f"Campaign {campaign.pk}: -2 events that are anonymous are counted as clicked (human).",
    ]
    Event.objects.update(origin="machine")
    EventCount.objects.update(amount=2)
    assert list(doctor.find_breaches()) == []


def test_counts_that_name_nobody_are_folded_and_stay_the_same(campaign):
    at = timezone.now().replace(minute=0, second=0, microsecond=0)
    EventCount.objects.bulk_create(
        EventCount(campaign=campaign, kind="opened", origin="human", at=at, amount=1, device=device)
        for device in ("mobile", "desktop")
        for _ in range(400)
    )
    before = reports.count_answers(campaign)
    tallies.fold_event_counts(timezone.now())
    assert sorted(EventCount.objects.values_list("device", "amount")) == [("desktop", 400), ("mobile", 400)]
    assert reports.count_answers(campaign) == before


# ── queries ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_takes_as_many_queries_for_many_events_as_for_few(client, django_assert_num_queries):
    client.force_login(user_in("Analysts"))
    queries = []
    for recipients in (2, 12):
        campaign = launch(recipients)
        accept(campaign)
        for row in campaign.deliveries.all():
            click(row, **PHONE)
        client.get(path(campaign))
        with CaptureQueriesContext(connection) as captured:
            client.get(path(campaign))
        queries.append(len(captured))
    assert queries[0] == queries[1] <= 17


def test_what_became_too_old_to_name_anybody_is_still_counted(client, marketer, campaign, rows, settings):
    for row in rows[:2]:
        click(row, **PHONE)
    long_ago = timezone.now() - timedelta(days=31 * (settings.TRACKING_MONTHS + 1))
    Event.objects.update(at=long_ago)
    Delivery.objects.filter(clicked_at__isnull=False).update(opened_at=long_ago, clicked_at=long_ago)
    before = reports.count_answers(campaign)
    assert retention.forget_old_events(timezone.now()) == 4
    found = reports.count_answers(campaign)
    assert (found.origins, found.devices, found.left_out) == (before.origins, before.devices, 0)
    assert (found.links[0].clicks, found.forgotten) == (2, 4)
    text = page(client, path(campaign))
    assert "too old to name anybody" in text
    assert "are anonymous" not in text
    assert list(doctor.find_breaches()) == []
