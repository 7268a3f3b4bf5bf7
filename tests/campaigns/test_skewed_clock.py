"""A machine whose clock is a year wrong ends nothing, begins nothing and grants nothing: the database's time counts."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import DataError, OperationalError, connection, transaction

from campaigns import clock, database_time, heartbeats, lifecycle
from campaigns.models import Heartbeat
from mailing.sending import delivery_results
from mailing.webhooks import signatures
from pos import article_costs
from promotions.models import Change
from tests.factories import CouponFactory, EmailCampaignFactory, PromotionCampaignFactory, PromotionFactory
from tests.mailing import test_delivery_results
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
YEAR = 400 * 86_400


@pytest.fixture(params=[YEAR, -YEAR], ids=["ahead", "behind"])
def skewed_clock(request, monkeypatch):
    """The clock of this machine is wrong; what the process knew of the difference is from before."""
    real = time.time
    database_time.measure()
    monkeypatch.setattr(
        database_time,
        "time",
        SimpleNamespace(time=lambda: real() + request.param, monotonic=time.monotonic),
    )
    yield request.param
    database_time._last = None


def right_now():
    return datetime.now(UTC)


def test_the_time_is_the_databases(skewed_clock):
    for ask in (database_time.now, database_time.now_at_till):
        assert abs(ask() - right_now()) < timedelta(seconds=2)


def test_a_tick_ends_and_begins_only_what_is_due(skewed_clock):
    running = PromotionCampaignFactory(status="active", ends_at=right_now() + HOUR)
    coming = PromotionCampaignFactory(
        status="scheduled", starts_at=right_now() + HOUR, ends_at=right_now() + 2 * HOUR
    )
    mail = EmailCampaignFactory(launchable=True, status="scheduled", starts_at=right_now() + HOUR)
    over = PromotionCampaignFactory(
        status="active", starts_at=right_now() - 2 * HOUR, ends_at=right_now() - HOUR
    )
    clock.tick()
    for campaign, status in [
        (running, "active"),
        (coming, "scheduled"),
        (mail, "scheduled"),
        (over, "expired"),
    ]:
        campaign.refresh_from_db()
        assert campaign.status == status


def test_a_page_ends_nothing_that_is_not_over(skewed_clock, client, marketer):
    campaign = PromotionCampaignFactory(status="active", ends_at=right_now() + HOUR)
    assert client.post(f"/campaigns/{campaign.pk}/pause/").status_code == 302
    assert client.post(f"/campaigns/{campaign.pk}/resume/").status_code == 302
    campaign.refresh_from_db()
    assert campaign.status == "active"
    assert [row.verb for row in campaign.history.order_by("pk")] == ["pause", "resume"]
    assert all(abs(row.at - right_now()) < HOUR for row in campaign.history.all())


def test_an_edit_and_a_copy_are_judged_by_the_database(skewed_clock):
    campaign = PromotionCampaignFactory(status="active", ends_at=right_now() + HOUR)
    assert lifecycle.open_for_edit(campaign).status == "active"
    assert lifecycle.duplicate(campaign).ends_at == campaign.ends_at
    assert lifecycle.write_owed_steps(campaign) == []


def test_a_till_grants_by_the_database_and_keeps_holds(skewed_clock):
    PromotionCampaignFactory(discounting=True, status="active", ends_at=right_now() + HOUR)
    PromotionCampaignFactory(
        discounting=True, status="scheduled", starts_at=right_now() + HOUR, ends_at=right_now() + 2 * HOUR
    )
    till = AtTill()
    assert till.quote(basket(1_000))["discount"] == 100
    held = till.put("S1", basket(1_000) | {"state": "held"})
    assert held["discount"] == 100
    assert abs(datetime.fromisoformat(held["expires_at"]) - right_now()) < HOUR
    clock.tick()
    assert till.post("S1", "confirm").status == 200


def test_a_quote_with_a_wrong_clock_is_still_one_query(skewed_clock, django_assert_num_queries):
    PromotionCampaignFactory(discounting=True, status="active", ends_at=right_now() + HOUR)
    till = AtTill()
    till.quote(basket(1_000))
    with django_assert_num_queries(1):
        till.quote(basket(1_000))


def test_a_coupon_holds_until_its_end(skewed_clock):
    coupon = CouponFactory(promotion=PromotionFactory(trigger="coupon"), ends_at=right_now() + HOUR)
    late = CouponFactory(promotion=coupon.promotion, ends_at=right_now() - HOUR)
    seen = AtTill().quote(basket(1_000) | {"coupons": [coupon.code, late.code]})
    outcomes = {told["code"]: told["status"] for told in seen["coupons"]}
    assert outcomes[late.code] == "coupon_ended"
    assert outcomes[coupon.code] != "coupon_ended"


def test_what_is_written_bears_the_databases_time(skewed_clock):
    campaign = PromotionCampaignFactory()
    change = Change.objects.create(campaign=campaign, what=Change.What.EDITED)
    for at in (campaign.created_at, campaign.updated_at, change.at):
        assert abs(at - right_now()) < timedelta(minutes=1)


def test_a_cluster_on_a_machine_with_a_wrong_clock_is_not_silent(skewed_clock):
    heartbeats.note_start("mail")
    heartbeats.note_answer("mail", heartbeats.HOST)
    assert not Heartbeat.objects.silent().exists()
    assert abs(Heartbeat.objects.get().at - right_now()) < HOUR


def test_a_mail_that_may_still_be_tried_is_not_given_up(skewed_clock):
    result = test_delivery_results.GREYLISTED
    assert delivery_results.decide_result(result, 1, right_now() + HOUR).status not in ("bounced", "failed")
    assert delivery_results.decide_result(result, 1, right_now() - HOUR).status in ("bounced", "failed")


def test_the_doctor_names_a_wrong_clock_and_tick_logs_it(skewed_clock, capsys, caplog):
    clock.tick()
    assert "This machine's clock is" in caplog.text
    call_command("doctor")
    way = "ahead of" if skewed_clock > 0 else "behind"
    assert f"This machine's clock is 34,560,000 s {way} the database's" in capsys.readouterr().err


def test_the_difference_is_measured_on_every_new_connection(monkeypatch):
    monkeypatch.setattr(database_time, "_last", None)
    assert database_time.difference() == 0
    other = connection.copy()
    try:
        other.ensure_connection()
    finally:
        other.close()
    assert database_time._last is not None


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_died_meanwhile_is_opened_anew_to_ask(monkeypatch):
    connection.ensure_connection()
    monkeypatch.setattr(database_time, "KEEP", 0)
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [connection.connection.info.backend_pid])
    other.close()
    assert abs(database_time.now() - right_now()) < timedelta(seconds=2)


@pytest.mark.django_db(transaction=True)
def test_a_tick_without_a_database_is_logged_and_ends_nothing(monkeypatch, caplog):
    def fail():
        raise OperationalError("the database is away")

    monkeypatch.setattr(database_time, "measure", fail)
    monkeypatch.setattr(database_time, "_last", None)
    clock.tick()
    assert "could not ask the database for the time" in caplog.text


def test_a_failed_transaction_is_not_asked(monkeypatch):
    database_time.measure()
    monkeypatch.setattr(database_time, "KEEP", 0)
    with transaction.atomic():
        with suppress(DataError), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
        assert abs(database_time.now() - right_now()) < timedelta(seconds=2)
        transaction.set_rollback(True)


@pytest.fixture
def skewed_process(skewed_clock, monkeypatch):
    """The same for whatever asks Python for the time."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + skewed_clock)


def test_an_event_of_a_provider_is_judged_by_the_database(skewed_process):
    """Else every event would be refused as too old, until the provider gives up."""
    signatures.check_moment(f"{right_now().timestamp():.0f}", "timestamp", 300)
    for wrong in (-400, 400):
        moment = f"{(right_now() + timedelta(seconds=wrong)).timestamp():.0f}"
        with pytest.raises(signatures.SignatureWrong):
            signatures.check_moment(moment, "timestamp", 300)


@pytest.fixture
def wrong_machine(skewed_clock, monkeypatch):
    """Beside that, what Django itself reads of the clock is wrong."""
    monkeypatch.setattr("django.utils.timezone.now", lambda: right_now() + timedelta(seconds=skewed_clock))
    monkeypatch.setattr("django.core.signing.time", database_time.time)
    return skewed_clock


def test_nobody_is_signed_out_or_kept_signed_in_by_a_wrong_clock(client, marketer, wrong_machine):
    assert client.get("/").status_code == 200  # signed in while the clock was right
    stored = Session.objects.get()
    stored.expire_date = right_now() - HOUR
    stored.save()
    assert client.get("/").status_code == 302
    client.force_login(marketer)
    fresh = Session.objects.exclude(pk=stored.pk).get()
    lasts = fresh.expire_date - right_now()
    assert abs(lasts - timedelta(seconds=settings.SESSION_COOKIE_AGE)) < HOUR
    clock.tick()
    assert list(Session.objects.all()) == [fresh]


@pytest.fixture
def checked_costs():
    """As a machine whose clock is right signs them."""
    return article_costs.sign_costs(article_costs.check_file(b"sku,cost\nTEA,1\n"))


def test_checked_costs_are_taken_in_by_a_machine_with_a_wrong_clock_too(checked_costs, wrong_machine):
    assert article_costs.take_costs(checked_costs) == 1
    assert (
        article_costs.take_costs(article_costs.sign_costs(article_costs.check_file(b"sku,cost\nTEA,1\n")))
        == 1
    )
