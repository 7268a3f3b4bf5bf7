"""What the sandbox offers to begin with: baskets that tills sold lately, and the goods in them."""

import re
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import LocationFactory
from tests.pos.test_sandbox import get_page, in_campaign, result
from tests.pos.tills import AtTill, basket, line

pytestmark = pytest.mark.django_db


def find_basket_addresses(page: str) -> list[str]:
    """The addresses of the baskets on the page."""
    return [unescape(address) for address in re.findall(r'<a href="(/sandbox/\?[^"]+)"', page)]


def test_a_sale_is_tried_out_again_with_all_that_the_till_said_of_it(client, marketer):
    till = AtTill()
    in_campaign()
    goods = [
        line(1, 1999, 2, sku="SHIRT", categories=["shirts", "summer"], brand="Nord"),
        line(2, 700, "0.350", sku="TEA", line_total=245),
    ]
    sold = {"currency": "EUR", "lines": goods, "customer": {"id": "C1"}, "payment_method": "card"}
    assert till.put("S1", sold)["discount"] == 424
    (address,) = find_basket_addresses(get_page(client, "/sandbox/"))
    page = get_page(client, address)
    for typed in ("SHIRT", "shirts, summer", "Nord", "19.99", "0.350", "7.00", "C1", "card"):
        assert f'value="{typed}"' in page
    assert "Subtotal €42.43 Discount €4.24" in result(client, address)


def test_the_newest_committed_sales_are_offered(client, marketer):
    till = AtTill()
    for number in range(8):
        till.put(f"S{number}", basket(1_000 + number))
    till.hold("H1", basket(5_000))
    till.post("S7", "void")
    page = get_page(client, "/sandbox/")
    assert re.findall(r"1 line for €(10\.\d\d)<", page) == [f"10.0{number}" for number in (6, 5, 4, 3, 2, 1)]


def test_a_basket_that_does_not_fit_the_page_is_not_offered(client, marketer):
    AtTill().put("S1", basket(*[100] * 51))
    assert find_basket_addresses(get_page(client, "/sandbox/")) == []


def test_an_article_is_offered_with_its_newest_price_in_the_currency_of_the_place(client, marketer):
    here, elsewhere = AtTill(), AtTill(location=LocationFactory(currency="CHF"))
    here.put("S1", basket(1_000))
    here.put("S2", {"currency": "EUR", "lines": [line(1, 1_200, brand="Nord", categories=["a", "b"])]})
    elsewhere.put("S1", {"currency": "CHF", "lines": [line(1, 3_000), line(2, 500)]})
    page = get_page(
        client, f"/sandbox/?lines-TOTAL_FORMS=1&lines-INITIAL_FORMS=0&location={here.till.location_id}"
    )
    (option,) = re.findall(r"<option value=\"SKU.*?>", page)
    assert option == '<option value="SKU1" data-categories="a, b" data-brand="Nord" data-unit_price="12.00">'


def test_what_is_offered_costs_one_query_and_none_while_somebody_types(client, marketer):
    till = AtTill()
    for number in range(5):
        till.put(f"S{number}", basket(1_000 + number))
    for headers, expected in (({}, 1), ({"HX-Request": "true", "HX-Target": "result"}, 0)):
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/sandbox/", headers=headers).status_code == 200
        assert len([query for query in captured if "pos_sale" in query["sql"]]) == expected
