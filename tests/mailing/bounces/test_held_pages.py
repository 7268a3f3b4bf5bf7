"""The pages of held reports: a person says what a message means, once, and sees it without being hurt by it."""

import threading

import pytest
from django.db import connection
from django.urls import reverse

from campaigns.refusals import Refused
from mailing.bounces import intake
from mailing.models import BounceMailbox, HeldReport, Suppression
from tests.factories import HeldReportFactory, UserFactory, user_in
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db
Decision = HeldReport.Decision


def post(client, held, decision, address=""):
    return client.post(f"/held-reports/{held.pk}/decide/", {"decision": decision, "address": address})


@pytest.mark.parametrize(
    ("decision", "reason", "said"),
    [("bounce", "hard_bounce", "came back"), ("unsubscribed", "unsubscribed", "is unsubscribed"),
     ("ignored", None, "is ignored")],
)  # fmt: skip
def test_each_button_does_what_it_says_once(client, marketer, decision, reason, said):
    held = HeldReportFactory(address="ada@example.org")
    assert 'value="ada@example.org"' in page(client, f"/held-reports/{held.pk}/")
    answer = post(client, held, decision, " Ada@Example.org ")
    assert answer.url == "/held-reports/"
    shown = page(client, "/held-reports/")
    assert said in shown
    assert f"/held-reports/{held.pk}/" not in shown
    found = Suppression.objects.values_list("email", "reason", "source")
    assert [*found] == ([("ada@example.org", reason, "mailbox")] if reason else [])
    held.refresh_from_db()
    assert (held.decision, held.decided_by) == (decision, marketer)
    assert held.decided_at is not None
    assert bytes(held.content).startswith(b"From:")

    again = post(client, held, "bounce", "bob@example.org")
    assert again.status_code == 409
    assert "Somebody has already decided about this message." in again.content.decode()
    assert f'action="/held-reports/{held.pk}/decide/"' not in again.content.decode()
    assert not Suppression.objects.filter(email="bob@example.org").exists()


@pytest.mark.parametrize("decision", ["bounce", "unsubscribed"])
@pytest.mark.parametrize("address", ["", "nobody", "a@b@c", "x" * 300])
def test_without_a_proper_address_nothing_is_decided_and_the_field_is_named(
    client, marketer, decision, address
):
    held = HeldReportFactory()
    answer = post(client, held, decision, address)
    assert answer.status_code == 422
    assert '<a href="#id_address">Address</a>:' in answer.content.decode()
    held.refresh_from_db()
    assert held.decision == "waiting"
    assert not Suppression.objects.exists()


@pytest.mark.parametrize("decision", ["", "waiting", "delete"])
def test_what_is_no_button_decides_nothing(client, marketer, decision):
    held = HeldReportFactory(address="ada@example.org")
    assert post(client, held, decision, "ada@example.org").status_code == 422
    assert HeldReport.objects.get().decision == "waiting"
    assert not Suppression.objects.exists()


def test_a_suppression_that_stands_keeps_its_reason(client, marketer):
    Suppression.objects.create(email="ada@example.org", reason="complaint")
    post(client, HeldReportFactory(), "bounce", "ada@example.org")
    assert Suppression.objects.get().reason == "complaint"


@pytest.mark.django_db(transaction=True)
def test_of_two_people_at_once_the_second_is_told():
    held, people = HeldReportFactory(), [UserFactory(), UserFactory()]
    together, outcomes = threading.Barrier(2), []

    def judge(user, decision):
        try:
            together.wait(10)
            outcomes.append(intake.decide(held.pk, decision, f"{user.username}@example.org", user))
        except Refused as refused:
            outcomes.append(refused)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=judge, args=pair)
        for pair in zip(people, (Decision.BOUNCE, Decision.UNSUBSCRIBED), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    [refused] = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    assert str(refused) == "Somebody has already decided about this message."
    held.refresh_from_db()
    assert Suppression.objects.get().email == f"{held.decided_by.username}@example.org"


def test_who_only_looks_gets_no_button_and_decides_nothing(client):
    held = HeldReportFactory(address="ada@example.org")
    client.force_login(user_in("Analysts"))
    assert "your role can only view" in page(client, f"/held-reports/{held.pk}/")
    assert post(client, held, "bounce", "ada@example.org").status_code == 403
    client.force_login(UserFactory())
    assert post(client, held, "bounce", "ada@example.org").status_code == 403
    assert client.get(f"/held-reports/{held.pk}/mail/").status_code == 403
    assert HeldReport.objects.get().decision == "waiting"


def show_frame(client, content):
    held = HeldReportFactory(content=content)
    page(client, f"/held-reports/{held.pk}/")
    return client.get(f"/held-reports/{held.pk}/mail/")


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 100, b"\xff\xfe" * 50, b"Content-Type: multipart/mixed; boundary=a\n\n--a\n" * 200,
     b"Content-Type: text/plain; charset=nonsense\n\n\xff", b"Content-Type: message/rfc822\n\n"],
)  # fmt: skip
def test_a_message_that_holds_nothing_or_is_broken_is_shown(client, marketer, content):
    answer = show_frame(client, content)
    assert answer.status_code == 200
    if not content:
        assert answer.content == b"The message has no text."


def test_a_message_is_shown_as_plain_text_that_runs_and_loads_nothing(client, marketer, settings):
    answer = show_frame(
        client,
        b"From: x@y.example\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nContent-Type: text/html\n\n"
        b"<script>steal()</script><p>Please stop</p><img src=https://spy.example/a.png>"
        + f"{settings.PUBLIC_URL}/u/SecretToken1 {settings.PUBLIC_URL}/password/reset/MQ/SecretToken2/ "
        f"{settings.PUBLIC_URL}/p/SecretToken3 {settings.PUBLIC_URL}/address/1:SecretToken4".encode(),
    )
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    shown = answer.content.decode()
    assert "Subject: Grüße" in shown
    assert "Please stop" in shown
    assert not any(word in shown for word in ("steal", "spy.example", "SecretToken"))


def test_links_that_open_an_account_are_hidden_whatever_host_they_name(client, marketer):
    answer = show_frame(
        client,
        b"From: x@y.example\nContent-Type: text/plain\n\n> http://old.example/password/reset/MQ/SecretTok=\n"
        b"en5-SecretToken6/\n> http://old.example/address/7:SecretToken7:x https://shop.example/p/shoes "
        b"https://shop.example/address/berlin",
    )
    shown = answer.content.decode()
    assert "SecretTok" not in shown
    assert "https://shop.example/p/shoes https://shop.example/address/berlin" in shown


def test_they_are_hidden_inside_the_address_of_a_filter_too(client, marketer):
    """As a link through Outlook’s protection, whose server has a mail’s link in its query."""
    inside = "http%3A%2F%2Fshop.example%2F"
    answer = show_frame(
        client,
        b"From: x@y.example\nContent-Type: text/plain\n\n"
        + f"https://safe.example/?url={inside}password%2Freset%2FMQ%2FSecretTok1-SecretTok2%2F&data=05 "
        f"https://safe.example/?url={inside}address%2F7%3ASecretTok3%3AsecretTok4&data=06 "
        f"https://safe.example/?url={inside}address%2Fberlin".encode(),
    )
    shown = answer.content.decode()
    assert "ecretTok" not in shown
    assert "data=05" in shown
    assert f"{inside}address%2Fberlin" in shown


def test_the_mail_that_is_returned_is_not_shown(client, marketer):
    answer = show_frame(
        client,
        b"From: postmaster@y.example\nContent-Type: multipart/report; boundary=b\n\n--b\n\nIt failed oddly.\n"
        b"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; y.example\n\nAction: odd\n"
        b"--b\nContent-Type: message/rfc822\n\nSubject: Ours\nList-Unsubscribe: <mailto:a@b.example?subject=Token>\n"
        b"\nToken\n--b--\n",
    )
    shown = answer.content.decode()
    assert "It failed oddly." in shown
    assert "Action: odd" in shown
    assert "Token" not in shown


def test_an_empty_page_says_what_to_do(client, administrator):
    administrator.is_staff = True
    administrator.save()
    shown = page(client, "/held-reports/")
    assert f'href="{reverse("mailing:mailbox_new")}"' in shown
    BounceMailbox.objects.create(name="Returns", address="bounces@shop.example", kind="maildir")
    assert "There is nothing to do." in page(client, "/held-reports/")


def test_the_list_takes_no_more_queries_for_more_messages(client, marketer, django_assert_num_queries):
    mailbox = BounceMailbox.objects.create(name="Returns", address="bounces@shop.example", kind="maildir")
    HeldReportFactory(mailbox=mailbox)
    page(client, "/held-reports/")
    with django_assert_num_queries(6) as few:
        page(client, "/held-reports/")
    assert not any('"content"' in query["sql"] for query in few.captured_queries)
    HeldReportFactory.create_batch(60, mailbox=mailbox)
    with django_assert_num_queries(len(few)):
        assert "1 to 50 of 61" in page(client, "/held-reports/")
