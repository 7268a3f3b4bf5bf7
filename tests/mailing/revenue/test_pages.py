"""The panel, the page of the revenue with the sales behind it, the dashboard and the time line of a contact."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mailing import contact_history, revenue
from mailing.models import Conversion
from tests.factories import ContactFactory, LocationFactory
from tests.mailing.revenue.shops import DAY, HOUR, NOW, click, fold, give_back, sell, send_campaign, void
from tests.mailing.running import draft, launch_campaign

pytestmark = pytest.mark.django_db


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


@pytest.fixture
def world():
    """Ada buys twice and gives some back; Bob buys elsewhere in another currency."""
    ada, bob = ContactFactory(customer_id="A"), ContactFactory(customer_id="B")
    campaign, (one, other) = send_campaign(ada, bob, at=NOW - 6 * DAY)
    click(one, NOW - 5 * DAY)
    click(other, NOW - 5 * DAY)
    here, there = LocationFactory(name="Here"), LocationFactory(name="There")
    tea = [{"id": "1", "sku": "TEA", "quantity": 2, "unit_price": 1_000, "line_total": 2_000}]
    first = sell("A", NOW - 4 * DAY, 2_000, discount=200, location=here, lines=tea)
    give_back(first, 500, discount=50)
    sell("A", NOW - 3 * DAY, 700, location=there)
    sell("B", NOW - 3 * DAY, 900, location=there, currency="JPY")
    fold()
    return campaign, ada, first


def test_figures_are_those_of_the_sales(world):
    campaign, _, _ = world
    told = revenue.read_revenue([campaign.pk])[campaign.pk]
    assert (told.currency, told.attributed.net, told.attributed.orders) == ("EUR", 2_200, 2)
    assert (told.attributed.discount, told.attributed.first_orders) == (150, 1)
    assert [(currency, each.net) for currency, each in told.others] == [("JPY", 900)]
    assert told.redeemed.orders == 0
    assert told.per_mail(1_000) == 2
    assert revenue.find_median_wait(campaign) == 3 * 86_400
    assert [(row.label, row.amount) for row in revenue.draw_locations(campaign, "EUR")] == [
        ("Here", 1_500), ("There", 700),
    ]  # fmt: skip
    assert [(row.sku, row.quantity, row.net) for row in revenue.list_articles(campaign, "EUR")] == [
        ("TEA", "2", 2_200)
    ]
    assert [column.point.values for column in revenue.draw_days(campaign, "EUR").columns] == [
        (1_500,),
        (700,),
    ]


def test_the_panel_is_few_queries_and_grows(client, marketer, world):
    campaign, _, _ = world
    url = f"/campaigns/email/{campaign.pk}/revenue/panel/"
    client.get(url)
    with CaptureQueriesContext(connection) as queries:
        said = text_of(client.get(url))
    assert "€22.00 2 sales" in said
    assert "Also attributed: ¥900 in 1 sale." in said
    assert len([each for each in queries if "conversiontally" in each["sql"]]) == 1
    assert len([each for each in queries if "mailing_" in each["sql"]]) == 2  # and the campaign
    sell("A", NOW - 3 * DAY + HOUR, 300)
    fold()
    assert "€25.00 3 sales" in text_of(client.get(url))


def test_the_page_shows_the_sales_behind_each_figure(client, marketer, world):
    campaign, _, first = world
    said = text_of(client.get(f"/campaigns/email/{campaign.pk}/revenue/"))
    for word in (
        "Redeemed",
        "Attributed €22.00",
        "Incremental not known nobody was held out",
        first.reference,
    ):
        assert word in said
    assert "within 5 days after somebody’s last click in it, less voids and returns." in said
    firsts = text_of(client.get(f"/campaigns/email/{campaign.pk}/revenue/?show=first"))
    assert first.reference in firsts
    assert (
        Conversion.objects.filter(is_first=False).get().sale.reference not in firsts.partition("behind it")[2]
    )
    assert "No such sale yet" in text_of(client.get(f"/campaigns/email/{campaign.pk}/revenue/?show=code"))


def test_the_three_figures_stand_side_by_side_with_their_rules_and_their_sales(client, marketer, world):
    campaign, _, _ = world
    page = client.get(f"/campaigns/email/{campaign.pk}/revenue/panel/").text
    assert re.findall(r"<dt[^>]*>(\w+)", page)[:3] == ["Redeemed", "Attributed", "Incremental"]
    assert all(title for title in re.findall(r'<dt title="([^"]*)"', page))
    assert f'href="/campaigns/email/{campaign.pk}/revenue/#sales">2 sales</a>' in page
    assert f'href="/campaigns/email/{campaign.pk}/revenue/?show=first#sales">1</a>' in page
    assert "nobody was held out" in page


@pytest.mark.parametrize(
    ("later", "buyers", "words"),
    [
        (HOUR, 2, "too early to tell"),
        (HOUR, 36, "buyers (95%), so far"),
        (6 * DAY, 2, "not statistically significant"),
        (6 * DAY, 36, "buyers (95%)"),
    ],
)
def test_the_incremental_figure_says_so_when_it_is_too_early_to_tell(
    client, marketer, monkeypatch, later, buyers, words
):
    people = [ContactFactory(customer_id=f"L{number}") for number in range(80)]
    campaign = launch_campaign(people, hold_out=50)
    mailed = campaign.deliveries.exclude(status="held_out").select_related("contact")
    for delivery in mailed[:buyers]:
        sell(delivery.contact.customer_id, campaign.launched_at + timedelta(minutes=1))
    fold()
    monkeypatch.setattr("campaigns.database_time.now", lambda: campaign.launched_at + later)
    panel = client.get(f"/campaigns/email/{campaign.pk}/revenue/panel/").text
    assert f'hx-preserve hx-get="/campaigns/email/{campaign.pk}/revenue/incremental/"' in panel
    with CaptureQueriesContext(connection) as queries:
        said = text_of(client.get(f"/campaigns/email/{campaign.pk}/revenue/incremental/"))
    assert words in said
    assert ("so far" in said) == (later == HOUR)
    assert len([each for each in queries if "mailing_" in each["sql"]]) == 2  # the campaign, and both groups


def test_the_panel_of_a_campaign_that_was_not_launched_says_so(client, marketer):
    page = client.get(f"/campaigns/email/{draft().pk}/revenue/panel/")
    assert (page.status_code, "Its revenue begins with its launch." in page.text) == (200, True)


def test_the_dashboard_shows_the_last_days_by_campaign(client, marketer, world):
    campaign, _, _ = world
    said = text_of(client.get("/revenue/lately/"))
    assert f"{campaign} €22.00 2 sales Total €22.00 No hold-out has proved" in said
    assert 'hx-get="/revenue/lately/"' in client.get("/").content.decode()


def test_a_contact_has_one_time_line(client, marketer, world):
    campaign, ada, _ = world
    void(Conversion.objects.filter(is_first=False).get().sale)
    fold()
    told = contact_history.list_entries(ada, with_sales=True)
    assert [each.what.split(" for ")[0] for each in told] == [
        "Gave goods", "A purchase", "Bought", "Clicked a link in", "Opened", "Was sent",
    ]  # fmt: skip
    assert [each.campaign for each in told if each.is_sale and each.campaign] == [campaign]
    assert not any(each.is_sale for each in contact_history.list_entries(ada, with_sales=False))
    said = text_of(client.get(ada.get_absolute_url()))
    assert f"Bought for €20.00 at Here, counts for {campaign}" in said
    assert "Gave goods for €5.00 back at Here" in said
