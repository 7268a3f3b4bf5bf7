"""How well each sender domain is taken, on the page of connections."""

import re

import pytest

from mailing.bounces import policy
from mailing.models import Delivery, Suppression
from tests.factories import EmailCampaignFactory
from tests.mailing.pages import page

pytestmark = pytest.mark.django_db


def send(domain, sent, bounced=0, complaints=0):
    campaign = EmailCampaignFactory(status="completed", from_email=f"shop@{domain}", total=sent)
    Delivery.objects.bulk_create(
        Delivery(
            campaign=campaign,
            email=f"p{number}@x.example",
            status="bounced" if number < bounced else "accepted",
            due_at=None,
        )
        for number in range(sent)
    )
    accepted = Delivery.objects.filter(campaign=campaign, status="accepted").values_list("pk", flat=True)
    for pk in accepted[:complaints]:
        policy.note_complaint(pk, Suppression.Source.MAILBOX)


def read_row(shown, domain):
    reputation = shown.partition("Sender reputation")[2]
    row = next(row for row in re.findall(r"<tr>.*?</tr>", reputation, re.DOTALL) if f">{domain}</" in row)
    return " ".join(re.sub(r"<[^>]+>", " ", row).split())


@pytest.mark.parametrize(
    ("bounced", "complaints", "row", "warns"),
    [(0, 0, "shop.example 1,000 0.00% Healthy 0.00% Healthy", False),
     (0, 1, "shop.example 1,000 0.00% Healthy 0.10% Attention", True),
     (0, 3, "shop.example 1,000 0.00% Healthy 0.30% Critical", True),
     (20, 0, "shop.example 980 2.00% Attention 0.00% Healthy", False),
     (50, 0, "shop.example 950 5.00% Critical 0.00% Healthy", False)],
)  # fmt: skip
def test_the_rates_of_a_domain_stand_with_their_bands(client, marketer, bounced, complaints, row, warns):
    send("shop.example", 1000, bounced, complaints)
    shown = page(client, "/connections/")
    assert read_row(shown, "shop.example") == row
    assert ("recipients of mails from shop.example complained" in shown) is warns


def test_without_a_campaign_of_late_nothing_is_said(client, marketer):
    assert "Sender reputation" not in page(client, "/connections/")


def test_all_domains_take_one_query(client, marketer, django_assert_num_queries):
    send("one.example", 2)
    page(client, "/connections/")
    with django_assert_num_queries(8) as few:
        page(client, "/connections/")
    for number in range(5):
        send(f"more{number}.example", 2)
    with django_assert_num_queries(len(few)):
        page(client, "/connections/")
