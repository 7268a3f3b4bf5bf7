"""The sales behind a mail's revenue, page by page: counted by tallies, and each page reads its own sales alone."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from mailing import revenue
from mailing.views.revenue import SALES_SHOWN
from tests.factories import ContactFactory
from tests.mailing.revenue.shops import DAY, HOUR, NOW, click, fold, sell, send_campaign, void

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign():
    """More than one page of sales of one customer, the first of them a first purchase; one was voided."""
    campaign, (mail,) = send_campaign(ContactFactory(customer_id="A"), at=NOW - 3 * DAY)
    click(mail, NOW - 2 * DAY)
    sold = [sell("A", NOW - 2 * DAY + HOUR * (number + 1) / 60) for number in range(SALES_SHOWN + 3)]
    void(sold[10])
    fold()
    return campaign


def test_every_kind_is_counted_as_it_is_listed(campaign):
    for asked in ({}, {"how": "click"}, {"how": "code"}, {"is_first": True}):
        assert revenue.count_sales(campaign, **asked) == revenue.list_sales(campaign, **asked).count()
    assert revenue.count_sales(campaign) == SALES_SHOWN + 2
    assert revenue.count_sales(campaign, is_first=True) == 1


def test_a_page_further_back_counts_nothing_and_joins_its_own_sales(campaign, client, marketer):
    address = f"/campaigns/email/{campaign.pk}/revenue/"
    with CaptureQueriesContext(connection) as queries:
        second = client.get(address, {"page": 2})
    asked = [each["sql"] for each in queries if 'FROM "mailing_conversion"' in each["sql"]]
    assert [("OFFSET" in sql, "JOIN" in sql) for sql in asked] == [(True, False), (False, True)]
    listed = list(revenue.list_sales(campaign))
    assert second.context["sales"] == listed[SALES_SHOWN:]
    assert client.get(address).context["sales"] == listed[:SALES_SHOWN]
