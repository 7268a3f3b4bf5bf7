"""One open or click: one round trip, before Django's handler, the same in every process."""

import threading

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.test import RequestFactory

from campaigns import database_time, doctor
from mailing import content, retention
from mailing.models import Event, EventCount, RecentVisit, TrackingPolicy
from mailing.sending import tokens
from tests.mailing.running import SEPARATE, launch_campaign
from tests.mailing.visits import BODY, LINKS, SAFARI, get


def ask(path, method="GET"):
    """Ask the server's own application, past Django's test client; status, headers and body."""
    from config.wsgi import application  # it wants Django set up

    told = []
    environ = RequestFactory().generic(method, path, headers={"user-agent": SAFARI}).environ
    signals = (request_started, request_finished)
    for signal in signals:  # they close connections, and with them the test's transaction
        signal.disconnect(close_old_connections)
    try:
        answered = application(environ, lambda status, headers, *_: told.extend((status, dict(headers))))
        body = b"".join(answered)
    finally:
        for signal in signals:
            signal.connect(close_old_connections)
    return told[0], told[1], body


@pytest.fixture
def campaign():
    return launch_campaign(2, body=BODY, body_format="html")


@pytest.fixture
def token(delivery):
    """As mails have them now: that of clicks carries the campaign."""
    return tokens.sign_tokens([delivery.pk], delivery.campaign_id)[0]


@pytest.mark.django_db
def test_the_server_answers_before_django_does(campaign, token, django_assert_num_queries):
    with django_assert_num_queries(1):
        status, headers, body = ask(f"/t/o/{token.open}")
    assert (status, headers["Content-Type"], body[:6]) == ("200 OK", "image/gif", b"GIF89a")
    with django_assert_num_queries(1):
        status, headers, body = ask(f"/t/c/{token.click}/0")
    assert (status, body) == ("302 Found", b"")
    assert headers["Location"].startswith("https://shop.example/0")
    for told in (headers, ask(f"/t/o/{token.open}")[1]):
        assert "no-store" in told["Cache-Control"]
        assert told["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in told
    assert [*Event.objects.order_by("pk").values_list("kind", flat=True)] == ["opened", "clicked"]


@pytest.mark.django_db
def test_a_head_is_answered_and_counts_as_nobody(campaign, token, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert ask(f"/t/o/{token.open}", "HEAD")[0] == "200 OK"
    assert ask(f"/t/c/{token.click}/0", "HEAD")[0] == "302 Found"
    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    [("/t/o/broken", "404"), ("/t/c/broken/0", "404"), ("/t/c/{click}/9", "404"), ("/t/c/{click}/x", "404"),
     ("/t/", "404"), ("/t/x/{open}", "404")],
)  # fmt: skip
def test_what_is_damaged_takes_the_way_of_pages(campaign, token, path, status):
    assert ask(path.format(**token._asdict()))[0][:3] == status
    assert not Event.objects.exists()


@pytest.mark.django_db
def test_no_other_method_is_taken_for_a_visit(campaign, token):
    assert ask(f"/t/o/{token.open}", "POST")[0][:3] in ("403", "405")
    assert not Event.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("mode", ["aggregate", "hygiene"])
def test_what_names_nobody_holds_neither_the_delivery_nor_a_person_and_is_forgotten_after_an_hour(
    campaign, delivery, token, mode
):
    TrackingPolicy.objects.update_or_create(pk=1, defaults={"mode": mode})
    get(f"/t/o/{token.open}")
    get(f"/t/c/{token.click}/0")
    columns = {field.name for field in RecentVisit._meta.get_fields()}
    assert columns == {
        "id", "digest", "kind", "link", "how", "origin", "device", "client", "system", "at", "noted_at",
    }  # fmt: skip
    digests = set(RecentVisit.objects.values_list("digest", flat=True))
    assert len(digests) == 1
    assert str(delivery.pk) not in digests
    with connection.cursor() as cursor:
        cursor.execute("SELECT relpersistence FROM pg_class WHERE relname = 'mailing_recentvisit'")
        assert cursor.fetchone() == ("u",), "no archive of the log holds what is forgotten"
    retention.forget_recent_visits(database_time.now())
    assert RecentVisit.objects.count() == 2
    retention.forget_recent_visits(database_time.now() + retention.KEEP_RECENT * 2)
    assert not RecentVisit.objects.exists()


@SEPARATE
@pytest.mark.parametrize("mode", ["aggregate", "individual"])
def test_a_burst_that_is_spread_over_several_connections_is_a_machines(mode):
    """No process knows more than the database: five at once, each on a connection of its own."""
    TrackingPolicy.objects.update_or_create(pk=1, defaults={"mode": mode})
    campaign = launch_campaign(1, body=BODY, body_format="html")
    token = tokens.sign_tokens([campaign.deliveries.get().pk], campaign.pk)[0]
    begin = threading.Barrier(LINKS)

    def follow(number):
        begin.wait()
        try:
            get(f"/t/c/{token.click}/{number}")
            get(f"/t/c/{token.click}/{content.TRAP}")  # so that a slow machine is one all the same
        finally:
            connection.close()

    threads = [threading.Thread(target=follow, args=[number]) for number in range(LINKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if mode == "individual":
        clicks = Event.objects.filter(kind="clicked")
        assert set(clicks.values_list("link", "origin")) == {(n, "machine") for n in (*range(LINKS), None)}
        assert clicks.count() == LINKS + 1
    else:
        sums = {"human": 0, "machine": 0}
        for row in EventCount.objects.filter(kind="clicked"):
            sums[row.origin] += row.amount
        assert sums == {"human": 0, "machine": LINKS + 1}
    assert list(doctor.find_breaches()) == []
