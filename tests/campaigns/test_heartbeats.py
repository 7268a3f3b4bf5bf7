"""Each cluster of the queue answers for itself, and a silent one is told of."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_q.brokers import get_broker
from django_q.models import OrmQ
from django_q.signing import SignedPackage
from django_q.tasks import async_task

from campaigns import heartbeats
from campaigns.models import Heartbeat
from tests.factories import HeartbeatFactory, user_in

pytestmark = pytest.mark.django_db


def lines() -> list[str]:
    return sorted(OrmQ.objects.values_list("key", flat=True))


def test_each_cluster_on_each_host_is_asked_every_ten_seconds_in_a_line_of_its_own():
    now = timezone.now()
    for cluster, host in (("default", "one"), ("mail", "one"), ("mail", "two")):
        HeartbeatFactory(cluster=cluster, host=host, at=now, asked_at=now)
    heartbeats.ask_clusters(now + timedelta(seconds=5))
    assert lines() == []
    heartbeats.ask_clusters(now + timedelta(seconds=10))
    heartbeats.ask_clusters(now + timedelta(seconds=10))  # another clock
    assert lines() == ["default@one", "mail@one", "mail@two"]
    heartbeats.ask_clusters(now + timedelta(seconds=20))
    assert len(lines()) == 3, "questions to the dead do not pile up"


def test_the_living_do_not_answer_for_the_dead():
    now = timezone.now()
    for host in (heartbeats.HOST, "elsewhere"):
        HeartbeatFactory(
            cluster="mail", host=host, at=now - timedelta(seconds=30), asked_at=now - timedelta(seconds=10)
        )
    heartbeats.ask_clusters(now)
    broker = heartbeats.ClusterBroker(
        get_broker("mail"), get_broker(heartbeats.queue_name("mail", heartbeats.HOST))
    )
    ((key, package),) = broker.dequeue()
    task = SignedPackage.loads(package)
    assert task["func"] == "campaigns.tasks.heartbeat"
    heartbeats.note_answer(*task["args"])
    broker.acknowledge(key)
    assert lines() == ["mail@elsewhere"]
    assert [beat.host for beat in Heartbeat.objects.silent()] == ["elsewhere"]


def test_a_cluster_takes_what_waits_for_all_while_its_own_line_is_empty():
    async_task("mailing.tasks.close", 1, cluster="mail")
    broker = heartbeats.ClusterBroker(get_broker("mail"), get_broker("mail@one"))
    ((_, package),) = broker.dequeue()
    assert SignedPackage.loads(package)["func"] == "mailing.tasks.close"


def test_a_cluster_is_known_from_its_start_to_its_end_and_one_that_starts_anew_takes_its_place():
    HeartbeatFactory(cluster="mail", host=heartbeats.HOST, process=1, at=timezone.now() - timedelta(hours=1))
    heartbeats.note_start("mail")
    assert Heartbeat.objects.get().process == os.getpid()
    assert not Heartbeat.objects.silent()
    heartbeats.note_stop("default")
    assert Heartbeat.objects.exists()
    heartbeats.note_stop("mail")
    assert not Heartbeat.objects.exists()


def test_a_process_that_ends_late_does_not_take_its_successor_off_the_list():
    HeartbeatFactory(cluster="mail", host=heartbeats.HOST, process=os.getpid() + 1)
    heartbeats.note_stop("mail")
    assert Heartbeat.objects.exists()


def test_who_is_silent_for_a_day_is_forgotten_with_their_question():
    now = timezone.now()
    HeartbeatFactory(
        cluster="mail", host="gone", at=now - timedelta(hours=23), asked_at=now - timedelta(minutes=1)
    )
    heartbeats.ask_clusters(now)
    assert lines() == ["mail@gone"]
    heartbeats.ask_clusters(now + timedelta(hours=2))
    assert not Heartbeat.objects.exists()
    assert lines() == []


@pytest.fixture
def silent():
    at = datetime(2026, 3, 10, 10, 31, tzinfo=UTC)
    HeartbeatFactory(cluster="default", host="web-2", at=at, asked_at=at + timedelta(seconds=9))
    HeartbeatFactory(cluster="mail", host="web-2", process=4711, at=at, asked_at=at + timedelta(seconds=20))
    return "The queue “mail” on web-2 (process 4711) has run no task since 10 Mar 2026, 10:31:00."


def test_the_doctor_says_which_cluster_is_silent_and_since_when_and_finds_no_figure_wrong(capsys, silent):
    call_command("doctor")
    assert capsys.readouterr().err == f"{silent}\n"


def test_administrators_read_on_the_dashboard_and_in_the_admin_which_cluster_is_silent(client, silent):
    marketer = user_in("Marketers")
    client.force_login(marketer)
    assert silent not in client.get("/").content.decode()
    marketer.is_staff = marketer.is_superuser = True
    marketer.save()
    page = client.get("/").content.decode()
    assert (page.count("has run no task since"), page.count(silent)) == (1, 1)
    page = client.get("/admin/campaigns/heartbeat/").content.decode()
    assert (page.count(silent), page.count("Runs tasks.")) == (1, 1)
