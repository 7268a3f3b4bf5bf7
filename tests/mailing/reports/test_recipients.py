"""Each recipient of a campaign: searched, paged, with what every attempt said, and as a file."""

import csv
import io
import re

import pytest
from django.contrib.auth.models import Permission
from django.utils import timezone

from mailing import reports
from mailing.models import Attempt, Delivery
from mailing.reports import recipients
from tests.factories import UserFactory
from tests.mailing.pages import page
from tests.mailing.reports.ledgers import accept, launch

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    found = launch(7)
    accept(found)
    return found


@pytest.fixture
def rows(campaign):
    return list(campaign.deliveries.order_by("pk"))


def path(campaign):
    return f"/campaigns/email/{campaign.pk}/report/"


def read_emails(campaign, after=0, **search):
    asked = {"status": "", "code": "", "words": ""} | search
    found = reports.read_page(campaign, reports.read_search(**asked), after)
    return [row.email for row in found.rows], found.after, found.is_cut


def test_state_code_and_words_narrow_together(campaign, rows):
    Delivery.objects.filter(pk=rows[0].pk).update(status="bounced", code=550)
    Delivery.objects.filter(pk=rows[1].pk).update(status="bounced", code=552)
    Delivery.objects.filter(pk=rows[2].pk).update(code=None)
    assert read_emails(campaign, status="bounced")[0] == [rows[0].email, rows[1].email]
    assert read_emails(campaign, status="bounced", code="552")[0] == [rows[1].email]
    assert read_emails(campaign, code="none")[0] == [rows[2].email]
    assert read_emails(campaign, words=f" {rows[3].email.upper()} ")[0] == [rows[3].email]
    assert len(read_emails(campaign, status="nonsense", code="99999")[0]) == 7
    assert read_emails(campaign, words="100%\0")[0] == []


def test_pages_go_on_behind_the_last_key(campaign, rows, monkeypatch):
    monkeypatch.setattr(recipients, "PER_PAGE", 3)
    emails = [row.email for row in rows]
    assert read_emails(campaign) == (emails[:3], rows[2].pk, False)
    assert read_emails(campaign, after=rows[2].pk) == (emails[3:6], rows[5].pk, False)
    assert read_emails(campaign, after=rows[5].pk) == (emails[6:], None, False)


def test_a_search_goes_through_so_many_at_a_time_and_the_page_goes_on_by_itself(
    client, marketer, campaign, rows, monkeypatch
):
    monkeypatch.setattr(recipients, "SEARCHED", 3)
    last = rows[-1]
    assert read_emails(campaign, words=last.email) == ([], rows[2].pk, True)
    assert read_emails(campaign, words=last.email, after=rows[2].pk) == ([], rows[5].pk, True)
    assert read_emails(campaign, words=last.email, after=rows[5].pk) == ([last.email], None, False)
    text = page(client, f"{path(campaign)}?q={last.email}")
    assert "The search goes on." in text
    further = re.search(r'hx-get="([^"]*after[^"]*)" hx-trigger="load"', text)[1].replace("&amp;", "&")
    assert f"after={rows[2].pk}" in further
    found = page(client, f"{path(campaign)}?q={last.email}&after={rows[5].pk}")
    assert f">{last.email}</a>" in found
    assert "Search further" not in found


def test_typing_into_the_search_counts_nothing_else(
    client, marketer, campaign, rows, django_assert_max_num_queries
):
    client.get(path(campaign))
    headers = {"HX-Request": "true", "HX-Target": "deliveries"}
    with django_assert_max_num_queries(7):
        text = page(client, f"{path(campaign)}?q={rows[0].email}", headers=headers)
    assert rows[0].email in text
    assert "Who opened and clicked" not in text


def test_each_attempt_tells_stage_code_words_and_time(client, marketer, campaign, rows):
    Delivery.objects.filter(pk=rows[0].pk).update(attempts=2)
    for status, code, text in (("deferred", 451, "Greylisted"), ("accepted", 250, "Queued")):
        Attempt.objects.create(
            delivery=rows[0], campaign=campaign, status=status, stage="rcpt", code=code, text=text
        )
    Delivery.objects.filter(pk=rows[1].pk).update(attempts=1, text="Taken at once", enhanced_code="2.0.0")
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", page(client, path(campaign))))
    assert re.search(r"2 attempts.{10,40}will be tried again, rcpt: 451 Greylisted", text)
    assert re.search(r"accepted, rcpt: 250 Queued", text)
    assert re.search(r"1 attempt.{10,40}accepted, dot: 250 2.0.0 Taken at once", text)


def read_csv(client, address):
    response = client.get(address)
    assert response.status_code == 200
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_the_file_holds_those_that_match_and_is_for_who_may_export_contacts(client, marketer, campaign, rows):
    Delivery.objects.filter(pk=rows[0].pk).update(
        status="bounced", code=550, text="@gone", complained_at=timezone.now()
    )
    address = f"/campaigns/email/{campaign.pk}/report.csv"
    assert len(read_csv(client, address)) == 7
    (row,) = read_csv(client, f"{address}?status=bounced")
    assert (row["address"], row["code"], row["answer"]) == (rows[0].email, "550", "'@gone")
    assert row["complained"]
    reader = UserFactory()
    reader.user_permissions.set(
        Permission.objects.filter(codename__in=["view_emailcampaign", "view_delivery"])
    )
    client.force_login(reader)
    assert "report.csv" not in page(client, path(campaign))
    assert client.get(address).status_code == 403
