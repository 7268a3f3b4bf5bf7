"""Promotions as a marketer makes, links, watches and ends them, in a real browser on the running product."""

import csv
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Product
from tests.browser.tills import till


def ask_till(
    product: Product, method: str, path: str, *lines: tuple[str, int], coupons: tuple[str, ...] = ()
) -> dict:
    """What the till is answered to a basket of one unit for each (sku, price)."""
    basket = {
        "currency": "EUR",
        "coupons": list(coupons),
        "lines": [
            {"id": str(number), "sku": sku, "quantity": 1, "unit_price": price}
            for number, (sku, price) in enumerate(lines, 1)
        ],
    }
    return till(product, method, path, basket)


def field_text(days: float) -> str:
    """A moment so many days from now, as a field of a date and a time takes it."""
    return f"{timezone.now() + timedelta(days=days):%Y-%m-%dT%H:%M}"


def part(page: Page, key: str) -> Locator:
    """One part of a promotion's form, opened where it stands under Advanced."""
    found = page.locator(f"[data-part={key}]")
    if found.evaluate("part => part.closest('details')?.open === false"):
        page.locator("#promotion-advanced > summary").click()
    return found


# ── the eight kinds ──────────────────────────────────────────────────────────────────────────────────────────────────


def sale(page: Page) -> None:
    discount = part(page, "off_sale")
    discount.get_by_label("Percent").fill("5")
    discount.get_by_label("Reduce by").select_option("an amount off the sale")
    expect(discount.get_by_label("Percent")).to_be_hidden()
    discount.get_by_label("Amount").fill("3")
    part(page, "conditions").get_by_label("Minimum spend").fill("20")


def items(page: Page) -> None:
    part(page, "off_items").get_by_label("Percent").fill("12.5")
    part(page, "items").get_by_label("Categories").fill("soap, candles")


def buy_get(page: Page) -> None:
    group = part(page, "buy_get")
    group.get_by_label("Buy", exact=True).fill("2")
    group.get_by_label("of SKUs").first.fill("SOAP1")
    expect(group.get_by_label("of SKUs").nth(1)).to_be_hidden()
    group.get_by_label("They are").select_option("a percent off")
    group.get_by_label("Percent").fill("50")


def bundle(page: Page) -> None:
    rows = part(page, "bundle").get_by_role("group")
    rows.nth(0).get_by_label("SKUs").fill("SOAP1")
    rows.nth(1).get_by_label("SKUs").fill("DISH1")
    part(page, "bundle").get_by_role("button", name="One more part of the set").click()
    expect(rows).to_have_count(3)
    rows.nth(2).get_by_label("SKUs").fill("CLOTH1")
    part(page, "bundle").get_by_label("Amount").fill("19.90")


def fill_in_tiers(page: Page) -> None:
    tiers = part(page, "tiers").get_by_role("group")
    for number, (least, percent) in enumerate([("50", "5"), ("100", "10")]):
        tiers.nth(number).get_by_label("From (EUR)").fill(least)
        tiers.nth(number).get_by_label("Percent").fill(percent)


def happy_hour(page: Page) -> None:
    part(page, "off_items").get_by_label("Percent").fill("20")
    hours = part(page, "hours")
    hours.get_by_label("Fri").check()
    hours.get_by_label("From").fill("16:00")
    hours.get_by_label("Until").fill("18:00")


def flash(page: Page) -> None:
    part(page, "off_items").get_by_label("Percent").fill("30")
    when = part(page, "when")
    when.get_by_label("Starts").fill(field_text(1))
    when.get_by_label("Ends").fill(field_text(2))
    when.get_by_label("Maximum uses", exact=True).fill("100")


def first(page: Page) -> None:
    part(page, "off_sale").get_by_label("Percent").fill("15")
    part(page, "identity").get_by_label("Applies", exact=True).select_option("with a coupon code")


KINDS: dict[str, tuple[Callable[[Page], None], str]] = {
    "Sale discount": (sale, "€3.00 off the sale, on sales of €20.00 or more."),
    "Category or item discount": (items, "12.5% off everything in soap or candles."),
    "Buy one get one": (buy_get, "Buy 2 of SOAP1, get 1 at 50% off (the cheapest of them)."),
    "Bundle": (bundle, "1 of SOAP1, 1 of DISH1 and 1 of CLOTH1 together for €19.90."),
    "Tiered spend": (fill_in_tiers, "5% off the sale from €50.00 on, 10% from €100.00 on."),
    "Happy hour": (happy_hour, "20% off everything, on Friday from 16:00 to 18:00."),
    "Flash sale": (flash, "30% off everything"),
    "First-time customer": (first, "15% off the sale, on a customer's first purchase, with a coupon."),
}


def test_each_of_the_eight_kinds_is_made_through_its_form(page: Page, sign_in):
    sign_in("marketer")
    for kind, (fill_in, sentence) in KINDS.items():
        page.goto("/promotions/new/")
        page.get_by_role("main").get_by_role("link", name=kind).click()
        fill_in(page)
        page.get_by_label("Name").fill(f"A test of {kind}")
        says = page.locator("#promotion-says")
        expect(says).to_contain_text(sentence)
        expect(says).to_contain_text("it applies nowhere")
        page.get_by_role("button", name="Create promotion").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(f"A test of {kind}")
        expect(page.locator("#promotion-status")).to_contain_text(sentence)
    page.goto("/promotions/?q=A+test+of")
    expect(page.locator("#promotions tbody tr")).to_have_count(len(KINDS))


def test_the_fields_change_with_the_kind_and_what_was_typed_stays(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/promotions/new/?type=items")
    page.get_by_label("Name").fill("Undecided")
    part(page, "off_items").get_by_label("Percent").fill("10")
    expect(page.locator("#promotion-says")).to_contain_text("10% off everything.")
    page.locator("#id_type").select_option("Tiered spend")
    expect(page.locator("[data-part=tiers]")).to_be_visible()
    expect(page.locator("[data-part=off_items]")).to_have_count(0)
    expect(page.locator("#promotion-says")).to_contain_text("Still to fill in: Tiers")
    page.locator("#id_type").select_option("Happy hour")
    expect(part(page, "off_items").get_by_label("Percent")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Undecided")


# ── a campaign, from the first draft to its end ──────────────────────────────────────────────────────────────────────


def test_the_forecast_and_its_slider_follow_what_is_typed_and_ask_once(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/promotions/new/?type=items")
    page.get_by_label("Name", exact=True).fill("Tried out")
    page.get_by_label("Percent", exact=True).fill("10")
    category = page.locator("#sold-categories option").first.get_attribute("value")
    page.get_by_label("Categories", exact=True).first.fill(category)
    expect(page.locator("#matched-id_categories")).to_contain_text("Matches")
    slider = page.get_by_label("What if it took another percent off?")
    slider.fill("15")
    expect(page.locator("#forecast-what-if")).to_contain_text("15% would have cost")
    expect(page.locator("#forecast-what-if")).to_contain_text("more than 10%.")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1_500)
    assert asked == [], "an answer asks for the next"
    expect(page.get_by_label("Percent", exact=True)).to_have_value("10")


def test_a_campaign_is_built_activated_edited_paused_and_ended(page: Page, product: Product, sign_in):
    """P1, P3, P4, P5, P6, P8, P10"""
    sign_in("marketer")
    page.goto("/campaigns/promotion/new/")
    page.get_by_label("Name").fill("Lamp week")
    page.get_by_label("Ends", exact=True).fill(field_text(7))
    page.get_by_label("Budget (EUR)").fill("100")
    page.get_by_label("Maximum uses", exact=True).fill("40")
    page.get_by_label("Berlin Mitte").check()
    page.get_by_role("button", name="Create draft").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lamp week")

    page.get_by_role("main").get_by_role("link", name="Category or item discount").click()
    page.get_by_label("Name").fill("A fifth off lamps")
    part(page, "off_items").get_by_label("Percent").fill("20")
    part(page, "items").get_by_label("SKUs").fill("LAMP1")
    page.get_by_role("button", name="Create promotion").click()
    linked = page.locator("#campaign-promotions")
    rows = linked.get_by_role("list", name="Promotions of this campaign").get_by_role("listitem")
    expect(linked.get_by_role("button", name="Switch off A fifth off lamps")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(linked).to_contain_text("It is switched off: no sale gets it")
    linked.get_by_role("button", name="Switch on A fifth off lamps").click()
    expect(linked.get_by_role("button", name="Switch off A fifth off lamps")).to_be_visible()
    # as fast as people type: htmx takes a moment until it listens to what was just put in
    linked.get_by_label("Add an existing promotion").press_sequentially("mug and", delay=50)
    linked.get_by_role("button", name="Add Mug and house blend").click()
    expect(rows).to_have_count(2)
    linked.get_by_role("button", name="Move Mug and house blend for 22.00 up").click()
    expect(rows.first).to_contain_text("Mug and house blend")
    linked.get_by_role("button", name="Remove Mug and house blend").click()
    expect(rows).to_have_count(1)

    lamp = ("LAMP1", 10_000)
    assert ask_till(product, "POST", "quotes", lamp)["discount"] == 0, "a draft gives nothing"
    status, dialog = page.locator("#campaign-status"), page.get_by_role("dialog")
    status.get_by_role("button", name="Activate").click()
    expect(status.locator(".status-badge")).to_have_text("Active")
    assert ask_till(product, "PUT", "sales/lamp-1", lamp)["discount"] == 2_000
    counters = page.locator("#campaign-counters")
    expect(counters).to_contain_text("€20.00 20.0% of €100.00")  # it asks again by itself
    expect(counters).to_contain_text("€80.00")
    expect(counters).to_contain_text("1 of 40, 39 left")

    status.get_by_role("link", name="Edit").click()
    expect(page.get_by_role("alert")).to_contain_text("This campaign is active.")
    page.get_by_label("Budget (EUR)").fill("30")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Save these changes?")).to_be_visible()
    expect(page.locator(".edits")).to_contain_text("Budget: €100.00 → €30.00")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#changes")).to_contain_text("budget: €100.00 → €30.00")
    assert ask_till(product, "PUT", "sales/lamp-2", lamp)["discount"] == 1_000, (
        "the rest of the budget, to the cent"
    )
    expect(counters).to_contain_text("Budget used up")

    status.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Pause first").click()
    expect(status.locator(".status-badge")).to_have_text("Paused")
    expect(linked).to_contain_text("It waits until the campaign is resumed.")
    status.get_by_role("button", name="Resume").click()
    expect(status.locator(".status-badge")).to_have_text("Active")

    status.get_by_role("button", name="Cancel campaign").click()
    expect(dialog).to_contain_text("Cancel a campaign that should not have run.")
    dialog.get_by_role("link", name="End Early instead").click()
    dialog.get_by_role("button", name="End Early").click()
    expect(status.locator(".status-badge")).to_have_text("Expired")
    assert ask_till(product, "POST", "quotes", lamp)["discount"] == 0


# ── codes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_codes_are_generated_exported_used_and_switched_off_together(
    page: Page, product: Product, sign_in, tmp_path: Path
):
    sign_in("marketer")
    page.goto("/promotions/new/?type=sale")
    page.get_by_label("Name").fill("Leaflet of the week")
    page.get_by_label("Applies", exact=True).select_option("with a coupon code")
    page.get_by_label("Standalone").check()
    part(page, "off_sale").get_by_label("Percent").fill("10")
    page.get_by_role("button", name="Create promotion").click()
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("button", name="Switch off")).to_be_visible()

    page.goto("/coupons/generate/")
    page.get_by_label("Promotion: part of its name").press_sequentially("leaflet")
    expect(page.get_by_role("radio")).to_have_count(1)
    page.get_by_role("radio", name="Leaflet of the week").check()
    page.get_by_label("How many codes").fill("25")
    page.get_by_label("Prefix").fill("LEAF-")
    page.get_by_label("Name of the batch").fill("Leaflets")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#coupons")).to_contain_text("25 codes")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export as CSV").click()
    download.value.save_as(tmp_path / "codes.csv")
    with (tmp_path / "codes.csv").open() as exported:
        codes = [row["code"] for row in csv.DictReader(exported)]
    assert len(set(codes)) == 25
    assert all(code.startswith("LEAF-") for code in codes)
    assert ask_till(product, "PUT", "sales/leaf-1", ("CARD1", 1_000), coupons=(codes[0],))["discount"] == 100

    page.get_by_role("link", name="Batches", exact=True).click()
    row = page.get_by_role("row", name=re.compile("Leaflets"))
    expect(row).to_contain_text("4.0%")
    row.get_by_role("button", name="Switch off Leaflets").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("25 codes of “Leaflet of the week” will be refused at every till")
    dialog.get_by_role("button", name="Switch all off").click()
    expect(page.get_by_role("main")).to_contain_text("25 codes of “Leaflets” switched off.")
    refused = ask_till(product, "POST", "quotes", ("CARD1", 1_000), coupons=(codes[1],))
    assert (refused["discount"], refused["coupons"][0]["status"]) == (0, "coupon_inactive")


# ── together: inspector, sandbox, reports ────────────────────────────────────────────────────────────────────────────


def test_two_promotions_are_asked_about_and_kept_apart(page: Page, sign_in):
    sign_in("admin")
    page.goto("/stacking/")
    for label, name in (("One promotion", "10% off all coffee"), ("The other", "Mug and house blend")):
        group = page.get_by_role("group", name=label)
        group.get_by_label("part of its name").press_sequentially(name)
        expect(group.get_by_role("radio")).to_have_count(1)
        group.get_by_role("radio").check()
    page.get_by_role("button", name="Check").click()
    meeting = page.locator("#meeting")
    expect(meeting).to_contain_text("can apply to one sale")
    meeting.get_by_role("button", name="Never combine them").click()
    expect(meeting).to_contain_text("They are an excluded pair.")
    meeting.get_by_role("button", name="Allow them to combine again").click()
    expect(meeting).to_contain_text("can apply to one sale")
    page.get_by_label("Maximum promotions per sale").fill("3")
    page.get_by_role("button", name="Save rules").click()
    expect(page.locator("#changes")).to_contain_text("maximum promotions per sale: none → 3")
    page.get_by_label("Maximum promotions per sale").fill("")
    page.get_by_role("button", name="Save rules").click()
    expect(page.locator("#changes")).to_contain_text("maximum promotions per sale: 3 → none")


def test_a_basket_is_tried_out_with_its_discounts_and_the_reasons_of_the_rest(page: Page, sign_in):
    sign_in("marketer")
    page.get_by_role("link", name="Sandbox").click()
    line = page.get_by_role("group", name="Line 1")
    line.get_by_label("Article").fill("COF02")
    line.get_by_label("Categories").fill("coffee")
    line.get_by_label("Quantity").fill("2")
    line.locator("[data-field=unit_price] input").fill("24.90")
    page.get_by_role("button", name="Try it out").click()
    result = page.locator("#result")
    expect(result).to_contain_text("€4.98")
    expect(result).to_contain_text("10% off all coffee")
    # not the paused campaign's: a story of the README resumes and ends it
    expect(result).to_contain_text("It needs to know the customer, and this sale names none.")


def test_a_basket_begins_with_what_a_till_has_sold(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/sandbox/")
    line = page.get_by_role("group", name="Line 1")
    line.get_by_label("Article").fill("COF02")
    line.get_by_label("Article").press("Tab")
    expect(line.get_by_label("Categories")).to_have_value("coffee")
    expect(line.locator("[data-field=unit_price] input")).to_have_value("24.90")
    expect(page.locator("#result")).to_contain_text("To pay")
    page.get_by_role("link", name="Empty the basket").click()
    page.get_by_role("list", name="Recent sales").get_by_role("link").first.click()
    expect(page.locator("#result")).to_contain_text("Result")
    expect(line.get_by_label("Article")).not_to_have_value("")


def test_a_campaign_that_has_not_begun_shows_what_the_last_sales_would_have_got(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/?q=Advent+opening")
    page.get_by_role("link", name="Advent opening").click()
    estimate = page.get_by_role("region", name="Estimate from past sales")
    expect(estimate).to_contain_text("of the revenue")
    expect(estimate.get_by_role("row", name="Buy 2 chocolates")).to_contain_text("€")


def test_every_report_has_its_table_its_drawing_and_its_csv(page: Page, sign_in, tmp_path: Path):
    """P9"""
    sign_in("analyst")
    page.get_by_role("link", name="Promotion reports").click()
    for report in (
        "By promotion",
        "By location",
        "By day",
        "By hour",
        "Revenue per campaign",
        "Coupon usage",
    ):
        page.get_by_role("link", name=report).click()
        expect(page.get_by_role("heading", level=2, name=report)).to_be_visible()
        expect(page.locator("#report svg rect").first).to_be_attached()
        expect(page.locator("#report tfoot")).to_contain_text("€")
        with page.expect_download() as download:
            page.get_by_role("link", name="Export as CSV").click()
        download.value.save_as(tmp_path / "report.csv")
        with (tmp_path / "report.csv").open() as exported:
            rows = len(list(csv.reader(exported))) - 1
        assert page.locator("#report tbody tr").count() == min(rows, 50), "a page has fifty"
    page.get_by_role("link", name="Revenue per campaign").click()
    expect(page.locator("#report")).to_contain_text("stopped for good")
    page.get_by_label("Type").select_option("Bundle")
    expect(page.locator("#report")).not_to_contain_text("stopped for good")
    export = page.get_by_role("link", name="Export as CSV").get_attribute("href")
    assert "type=bundle" in export  # what is exported is what is shown
