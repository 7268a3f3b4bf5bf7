"""Opens and clicks while the database is away: answered, kept on disk, and written once each."""

import os
import stat
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from campaigns import doctor
from mailing import clock, contacts, plain_targets, spool, tasks, tracking
from mailing.models import Contact, Event, EventCount, SpoolFile, TrackingPolicy
from mailing.sending import tokens
from mailing.visitors import Visitor
from tests.mailing.running import launch_campaign
from tests.mailing.visits import get

BODY = (
    '<a href="https://shop.example/a">A</a> <a href="https://shop.example/{{ first_name | url_encode }}">B</a> '
    '<a href="{{ unsubscribe_url }}">Unsubscribe</a>'
)
PLAIN = "https://shop.example/a?utm_"


@pytest.fixture(autouse=True)
def own_folder(tmp_path, settings, monkeypatch):  # and a machine that takes its time
    settings.VAR_DIR = tmp_path
    plain_targets.read_file.cache_clear()
    plain_targets.load_content.cache_clear()
    monkeypatch.setattr(spool.Outage, "until", 0.0)
    monkeypatch.setattr(spool.Outage, "is_full", False)
    monkeypatch.setattr(spool, "AWAY_SECONDS", 600)


@pytest.fixture
def campaign(db):
    return launch_campaign(2, body=BODY, body_format="html")


@pytest.fixture
def token(delivery):
    """As mails have them now: that of clicks carries the campaign."""
    return tokens.sign_tokens([delivery.pk], delivery.campaign_id)[0]


class Away:
    """The database, taken away and given back."""

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch
        self.asked = 0

    def begin(self):
        def fail(visit):
            self.asked += 1
            raise OperationalError("connection refused")

        self.monkeypatch.setattr(tracking, "write_visit", fail)

    def end(self):
        self.monkeypatch.undo()
        spool.Outage.until = 0.0


@pytest.fixture
def away(settings, tmp_path):
    with pytest.MonkeyPatch.context() as patched:
        database = Away(patched)
        database.begin()
        yield database


def test_the_token_of_clicks_carries_its_campaign_and_cannot_be_bent(delivery, token):
    assert tokens.read_click_token(token.click) == (delivery.pk, delivery.campaign_id)
    old = tokens.sign_tokens([delivery.pk])[0]
    assert tokens.read_click_token(old.click) == (delivery.pk, None)
    assert token[0] == old[0]
    assert token[2:] == old[2:]
    other = tokens.sign_tokens([delivery.pk], delivery.campaign_id + 1)[0]
    for bad in (
        token.click[:-1], token.click + "A", token.click[:8] + other.click[8:20] + token.click[20:], "A" * 32, "é" * 32,
        other.click[:24], old.open, old.unsubscribe, old.message_id, "",
    ):  # fmt: skip
        with pytest.raises(ValueError, match="damaged"):
            tokens.read_click_token(bad)


def test_the_launch_writes_where_plain_links_lead_for_this_user_only(campaign, tmp_path):
    (path,) = (tmp_path / "targets").rglob("*.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    plain, personal = plain_targets.read_targets(campaign.pk)
    assert plain.startswith(PLAIN)
    assert personal is None
    path.write_text("[")  # damaged
    plain_targets.read_file.cache_clear()
    assert plain_targets.read_targets(campaign.pk)[0] == plain, "written anew from the frozen content"


def test_the_picture_and_plain_links_answer_and_personal_ones_ask_to_come_again(campaign, token, away):
    plain_targets.read_file.cache_clear()  # another process, which has read nothing yet
    assert get(f"/t/o/{token.open}").status_code == 200
    assert get(f"/t/c/{token.click}/0")["Location"].startswith(PLAIN)
    for path in (f"/t/c/{token.click}/1", f"/t/c/{tokens.sign_tokens([1])[0].click}/0"):
        answer = get(path)
        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
    assert get(f"/t/c/{token.click}/2").status_code == 404
    assert get("/t/o/broken").status_code == 404
    assert away.asked == 1, "a database that has just not answered is not asked again"


def test_the_database_is_asked_again_after_a_while_however_many_clicks_come(
    campaign, token, away, monkeypatch
):
    """Answers without the database do not put off when it is asked again."""
    get(f"/t/c/{token.click}/0")
    until = spool.Outage.until
    for _ in range(3):
        get(f"/t/c/{token.click}/0")
        get(f"/t/o/{token.open}")
        get(f"/t/c/{token.click}/1")
    assert spool.Outage.until == until
    assert away.asked == 1
    away.end()
    assert get(f"/t/c/{token.click}/1").status_code == 302


def test_what_waited_is_written_once_with_its_time(campaign, delivery, token, away, tmp_path):
    get(f"/t/o/{token.open}")
    get(f"/t/c/{token.click}/0")
    (waiting,) = (tmp_path / "spool").rglob("waiting")
    assert stat.S_IMODE(waiting.stat().st_mode) == 0o600
    assert stat.S_IMODE(waiting.parent.stat().st_mode) == 0o700
    assert b"192.0.2.7" not in waiting.read_bytes()
    assert b"AppleWebKit" not in waiting.read_bytes()
    away.end()
    came = datetime.now(UTC)
    assert tasks.write_spooled() == 2
    assert tasks.write_spooled() == 0
    assert [*Event.objects.order_by("pk").values_list("kind", "how", "link", "basis")] == [
        ("opened", "", None, "interest"),
        ("clicked", "", 0, "interest"),
    ]
    assert all(abs(event.at - came) < timedelta(seconds=30) for event in Event.objects.all())
    delivery.refresh_from_db()
    assert delivery.opened_at == Event.objects.get(kind="opened").at
    assert not SpoolFile.objects.exists()
    assert [path.name for path in waiting.parent.iterdir()] == ["writer"]
    assert list(doctor.find_breaches()) == []


def test_the_consent_of_the_moment_of_writing_counts(campaign, delivery, token, away):
    get(f"/t/o/{token.open}")
    away.end()
    contacts.record_consent(delivery.contact, is_granted=False, how="page")
    tasks.write_spooled()
    assert not Event.objects.exists()
    assert EventCount.objects.get().kind == "opened"


@pytest.mark.parametrize("mode", ["none", "aggregate", "hygiene"])
def test_each_mode_writes_no_more_than_it_says(campaign, delivery, token, away, mode):
    for _ in range(3):
        get(f"/t/c/{token.click}/0")
    away.end()
    TrackingPolicy.objects.update_or_create(pk=1, defaults={"mode": mode})
    tasks.write_spooled()
    assert not Event.objects.exists()
    assert [row.amount for row in EventCount.objects.all()] == ([] if mode == "none" else [1]), (
        "a repetition is one"
    )
    engaged = Contact.objects.get(pk=delivery.contact_id).engaged_on
    assert (engaged is not None) is (mode == "hygiene")


def keep(delivery, seconds=0.0, **fields):
    at = datetime.now(UTC) - timedelta(days=1) + timedelta(seconds=seconds)
    given = {"delivery": delivery.pk, "kind": "clicked", "visitor": Visitor(), "link": 0, "at": at}
    return spool.keep_visit(spool.Visit(**given | fields))


@pytest.mark.parametrize("mode", ["individual", "aggregate"])
def test_a_burst_that_waited_is_a_machines_by_the_times_at_which_it_came(campaign, delivery, mode):
    TrackingPolicy.objects.update_or_create(pk=1, defaults={"mode": mode})
    for link in range(5):
        keep(delivery, link / 10, link=link)
    keep(delivery, 100, link=0)
    tasks.write_spooled()
    model, one = (Event, "pk") if mode == "individual" else (EventCount, "amount")
    clicks = model.objects.filter(kind="clicked")
    total = {
        origin: sum(1 if one == "pk" else row.amount for row in clicks.filter(origin=origin))
        for origin in ("human", "machine")
    }
    assert total == {"human": 1, "machine": 5}
    assert list(doctor.find_breaches()) == []


def test_an_open_that_waited_is_older_than_one_that_came_since(campaign, delivery, token):
    get(f"/t/o/{token.open}")
    keep(delivery, kind="opened", link=None)
    tasks.write_spooled()
    delivery.refresh_from_db()
    assert delivery.opened_at == Event.objects.order_by("at").first().at


def test_what_waits_is_bounded_and_damaged_lines_lose_only_themselves(
    campaign, delivery, monkeypatch, tmp_path, caplog
):
    assert keep(delivery)
    (waiting,) = (tmp_path / "spool").rglob("waiting")
    with waiting.open("ab") as file:
        file.write(b'\n00000000 {"delivery":1}\n\n12345678 {"deliv')  # changed; and torn where a machine died
    assert keep(delivery, 60, link=1)
    monkeypatch.setattr(spool, "MOST_BYTES", waiting.stat().st_size + 10)
    assert not keep(delivery)
    assert not keep(delivery)
    assert caplog.text.count("has reached") == 1
    tasks.write_spooled()
    assert [*Event.objects.filter(kind="clicked").order_by("at").values_list("link", flat=True)] == [0, 1]
    assert caplog.text.count("damaged") == 2


def test_a_disk_without_room_keeps_no_answer_back(campaign, token, away, monkeypatch, caplog):
    def fail(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.os, "open", fail)
    assert get(f"/t/o/{token.open}").status_code == 200
    assert "could not be kept" in caplog.text


def test_a_delivery_that_is_no_more_and_a_visit_that_no_row_takes_stop_nothing(
    campaign, delivery, monkeypatch
):
    spool.keep_visit(spool.Visit(delivery=10**9, kind="opened", visitor=Visitor()))
    keep(delivery, visitor=Visitor(client="x" * 500))
    keep(delivery, 60, link=1)
    assert tasks.write_spooled() == 3
    assert [*Event.objects.filter(kind="clicked").values_list("link", flat=True)] == [1]


@pytest.mark.parametrize("name", ["0.taken", "waiting"])
@pytest.mark.parametrize("special", ["link", "loop", "endless", "pipe", "folder"])
def test_what_is_no_file_of_visits_stops_nothing(campaign, delivery, tmp_path, name, special):
    keep(delivery)
    (waiting,) = (tmp_path / "spool").rglob("waiting")
    waiting.rename(waiting.with_name("z.taken"))
    odd = waiting.with_name(name)
    if special == "pipe":
        os.mkfifo(odd)
    elif special == "folder":
        odd.mkdir()
    else:
        odd.symlink_to({"link": "nowhere", "loop": name, "endless": "/dev/zero"}[special])
    assert tasks.write_spooled() == 1
    assert keep(delivery, 60, link=1)
    assert tasks.write_spooled() == 1


def test_a_file_that_cannot_be_read_is_set_aside_and_the_others_are_written(
    campaign, delivery, tmp_path, monkeypatch, caplog
):
    keep(delivery)
    (waiting,) = (tmp_path / "spool").rglob("waiting")
    broken = waiting.with_name("0.taken")
    waiting.rename(broken)
    keep(delivery, 60, link=1)
    write_file = spool._write_file

    def fail(path, *more):
        if path == broken:
            raise OSError(5, "Input/output error")
        return write_file(path, *more)

    monkeypatch.setattr(spool, "_write_file", fail)
    assert tasks.write_spooled() == 1
    assert "is set aside" in caplog.text
    assert broken.with_suffix(".unreadable").exists()


def test_a_database_that_goes_again_loses_and_doubles_nothing(campaign, delivery, monkeypatch):
    monkeypatch.setattr(spool, "BATCH_VISITS", 3)
    for number in range(8):
        keep(delivery, 60 * number, link=number % 2)
    written, whole = [], tracking.write_visit

    def write_some(visit, *arguments):
        if len(written) == 4:
            written.append(None)
            raise OperationalError("gone again")
        written.append(visit)
        whole(visit, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(tracking, "write_visit", write_some)
        with pytest.raises(OperationalError):
            tasks.write_spooled()
    assert SpoolFile.objects.get().done == 3
    keep(delivery, 10_000, link=0)
    assert tasks.write_spooled() == 6
    assert Event.objects.filter(kind="clicked").count() == 9


def test_the_clock_queues_the_writer_where_something_waits(campaign, delivery, monkeypatch):
    queued = []
    monkeypatch.setattr(spool, "async_task", queued.append)
    spool.queue_waiting(timezone.now())
    assert queued == []
    keep(delivery)
    clock.tick(timezone.now())
    assert queued == ["mailing.tasks.write_spooled"]
    with spool._alone():
        clock.tick(timezone.now())
        assert tasks.write_spooled() == 0, "one writes at a time"
    assert len(queued) == 1


def test_the_pixel_and_clicks_pass_by_the_middleware_of_pages(campaign, token, django_assert_max_num_queries):
    for path in (f"/t/o/{token.open}", f"/t/c/{token.click}/0"):
        with django_assert_max_num_queries(1):  # one round trip, which is its transaction, too
            answer = get(path)
        assert "Vary" not in answer
        assert "no-store" in answer["Cache-Control"]
        assert answer["X-Content-Type-Options"] == "nosniff"
    page = get("/t/c/broken/0")
    assert page.status_code == 404
    assert "Content-Security-Policy" in page
