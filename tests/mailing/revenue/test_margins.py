"""The margin of a mail's sales and of promotion campaigns, where the cost of articles is known."""

import pytest
from django.db import connection

from campaigns import database_time
from mailing import revenue, tasks
from mailing.stored_revenue import measure_figures
from pos.models import ArticleCost, UnfoldedSale
from promotions.models import Redemption
from tests.factories import ContactFactory, PromotionCampaignFactory, PromotionFactory
from tests.mailing.revenue.shops import DAY, HOUR, NOW, click, fold, give_back, sell, send_campaign, void
from tests.mailing.revenue.test_pages import text_of

pytestmark = pytest.mark.django_db

# a sale's line of the tests has the id 1, and one line is the whole basket but in the sale of two articles
BY_HAND = """
SELECT sum(paid), sum(paid) FILTER (WHERE cost IS NOT NULL), sum(cost * units)
FROM (
    SELECT (line ->> 'line_total')::bigint - coalesce((
               SELECT sum((part ->> 'total')::bigint) FROM pos_return AS back,
                   jsonb_array_elements(back.answer::jsonb -> 'lines') AS part
               WHERE back.sale_id = sale.id AND part ->> 'id' = line ->> 'id'), 0) AS paid,
           (line ->> 'quantity')::numeric - coalesce((
               SELECT sum((back.units ->> (line ->> 'id'))::numeric) FROM pos_return AS back
               WHERE back.sale_id = sale.id), 0) AS units,
           (SELECT cost FROM pos_articlecost WHERE sku = line ->> 'sku' AND currency = sale.currency) AS cost
    FROM pos_sale AS sale, jsonb_array_elements(sale.basket -> 'lines') AS line
    WHERE sale.state = 'committed'
) AS sold
"""


def line(pk, sku, quantity, total):
    return {"id": pk, "sku": sku, "quantity": quantity, "unit_price": total // quantity, "line_total": total}


@pytest.fixture
def campaign():
    """Three attributed sales of tea and cups, one of them given back in part, and one that was voided."""
    people = [ContactFactory(customer_id=name) for name in "ABCD"]
    campaign, mails = send_campaign(*people, at=NOW - 3 * DAY)
    for mail in mails:
        click(mail, NOW - 2 * DAY)
    at = NOW - 2 * DAY + HOUR
    sell("A", at, total=1_000, lines=[line("1", "TEA", 2, 700), line("2", "CUP", 1, 300)])
    give_back(sell("B", at, total=900, lines=[line("1", "TEA", 3, 900)]), 300)
    sell("C", at, total=500, lines=[line("1", "CUP", 1, 500)])
    void(sell("D", at, total=5_000, lines=[line("1", "TEA", 5, 5_000)]))
    fold()
    ArticleCost.objects.create(sku="TEA", currency="EUR", cost="120.5")
    ArticleCost.objects.create(sku="CUP", currency="CHF", cost="1")
    return campaign


def test_the_margin_of_a_mail_equals_sql_by_hand(campaign):
    margin = revenue.find_margin(campaign, "EUR")
    with connection.cursor() as cursor:
        cursor.execute(BY_HAND)
        paid, known, cost = cursor.fetchone()
    assert (margin.revenue, margin.known, margin.cost) == (paid, known, cost) == (2_100, 1_300, 482)
    assert (margin.amount, round(margin.percent_known)) == (818, 62)
    assert measure_figures(campaign).margin == margin


def test_the_report_of_a_mail_shows_it_where_a_cost_is_known(campaign, client, marketer):
    address = f"/campaigns/email/{campaign.pk}/revenue/"
    assert "Margin €8.18 known for 62% of the revenue" in text_of(client.get(address))
    ArticleCost.objects.filter(sku="TEA").delete()
    assert "Margin" not in text_of(client.get(address))
    tasks.measure_revenue(campaign.pk)  # kept figures of a campaign without a margin


def test_revenue_per_campaign_shows_the_margin_and_counts_a_sale_of_two_once(campaign, client, marketer):
    sales = list(campaign.conversions.order_by("sale").values_list("sale", flat=True))
    promotions = [PromotionFactory(), PromotionFactory()]
    held = [PromotionCampaignFactory(status="active", name=name) for name in ("Spring", "Summer")]
    for sale, place in ((sales[0], 0), (sales[1], 0), (sales[1], 1)):
        UnfoldedSale.objects.create(sale_id=sale)
        Redemption.objects.create(
            sale_id=sale,
            promotion=promotions[place],
            campaign=held[place],
            amount=10,
            uses=1,
            at=database_time.now(),
        )
    page = client.get("/reports/promotions/?by=campaign")
    rows = {row["name"]: (row["margin"], row["cost_known"]) for row in page.context["report"].rows}
    # tea: 700 − 2 × 120.5 and 600 − 2 × 120.5; cups cost nothing that is known
    assert rows == {"Spring": (818, "81.2%"), "Summer": (359, "100.0%")}
    total = page.context["report"].total
    assert (total["margin"], total["cost_known"]) == (818, "81.2%")
    assert "Margin is what was paid for the articles whose cost is known" in page.text
    ArticleCost.objects.all().delete()
    assert "Margin" not in client.get("/reports/promotions/?by=campaign").text
