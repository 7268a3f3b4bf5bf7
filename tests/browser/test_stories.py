"""The three stories of the README, and the same without JavaScript, on the running product in a real browser."""

import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import PASSWORD, Product, open_context
from tests.browser.tills import till

COFFEE = {
    "id": "1",
    "sku": "COF02",
    "categories": ["coffee"],
    "brand": "Nordlicht",
    "quantity": 2,
    "unit_price": 2490,
}
BASKET = {"currency": "EUR", "lines": [COFFEE]}


def test_a_mail_goes_out_and_a_click_is_counted(page: Page, product: Product, sign_in):
    """E3, E5, E9, E10"""
    sign_in("marketer")
    page.goto(
        "/campaigns/?q=Autumn+roast+is+here"
    )  # other tests make campaigns too, which push it off the first page
    page.get_by_role("link", name="Autumn roast is here", exact=True).click()
    status = page.locator("#campaign-status")
    expect(status.locator(".status-badge")).to_have_text("Draft")
    status.get_by_role("button", name="Launch").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Launch").click()
    expect(dialog).not_to_be_visible()
    expect(page.get_by_text("100%").first).to_be_visible()
    expect(status.locator(".status-badge")).to_have_text("Completed")

    campaign = page.url
    page.get_by_role("link", name="Outbox").click()
    page.get_by_role("link", name=re.compile("the autumn roast is here")).first.click()
    mail = page.frame_locator("iframe").first
    expect(mail.get_by_text("The new roast tastes of").first).to_be_visible()
    link = mail.get_by_role("link", name="Have a bag put aside").get_attribute("href")
    assert link.startswith(f"{product.address}/t/c/")
    assert follow_link(link) == "https://nordlicht.example/autumn"

    outbox = page.url
    with page.context.expect_page() as tab:  # a tab of its own: nothing happens to this page
        mail.get_by_role("link", name=re.compile("nsubscribe")).click()
    expect(tab.value.get_by_role("button", name=re.compile("nsubscribe"))).to_be_visible()
    tab.value.close()
    assert page.url == outbox

    page.goto(campaign)
    clicked = page.locator("#campaign-progress").get_by_text("Clicked").locator("..")
    expect(clicked).to_contain_text("1")


BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None


def follow_link(link: str) -> str:
    """Where the link leads, without the parameters added to it."""
    person = urllib.request.Request(link, headers={"User-Agent": BROWSER})
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.build_opener(Stay).open(person, timeout=10)
    answer.value.close()
    assert answer.value.code == 302
    return answer.value.headers["Location"].partition("?")[0]


def test_a_till_gets_a_discount_until_the_campaign_is_paused(page: Page, product: Product, sign_in):
    """P3, P4, P5"""
    quoted = till(product, "POST", "quotes", BASKET)
    assert quoted["discount"] == 498, "10% of two bags of coffee"
    sold = till(product, "PUT", "sales/browser-1", BASKET)
    assert (sold["subtotal"], sold["discount"], sold["total"]) == (4980, 498, 4482)

    sign_in("marketer")
    page.get_by_role("link", name="Campaigns").first.click()
    page.get_by_role("link", name="Coffee weeks").click()
    status = page.locator("#campaign-status")
    status.get_by_role("button", name="Pause").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("The price on the poster is wrong.")
    dialog.get_by_role("button", name="Pause").click()
    expect(status).to_contain_text("The price on the poster is wrong.")
    expect(status.locator(".status-badge")).to_have_text("Paused")
    assert till(product, "POST", "quotes", BASKET)["discount"] == 0

    status.get_by_role("button", name="Resume").click()
    expect(status.locator(".status-badge")).to_have_text("Active")
    assert till(product, "POST", "quotes", BASKET)["discount"] == 498


def test_a_code_of_a_mail_is_redeemed_and_becomes_its_revenue(page: Page, product: Product, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/?q=A taste of autumn")
    page.get_by_role("link", name="A taste of autumn", exact=True).click()
    mail, panel = page.url, page.locator("#campaign-revenue")
    before = read_redeemed(panel)
    page.get_by_role("link", name="The sales behind it").click()
    expect(page.get_by_text("Incremental", exact=True).first).to_be_visible()

    page.keyboard.press("/")
    page.get_by_role("dialog").get_by_role("searchbox").fill("HERBST")
    hits = page.get_by_role("dialog").locator(".hit", has_text="HERBST")
    expect(hits.first).to_be_visible()
    codes = [hit.split()[0] for hit in hits.all_inner_texts()]
    answers = [till(product, "POST", "quotes", BASKET | {"coupons": [code]}) for code in codes]
    unused = next(
        code
        for code, answer in zip(codes, answers, strict=True)
        if answer["coupons"][0]["status"] == "applied"
    )
    sold = till(product, "PUT", "sales/browser-code", BASKET | {"coupons": [unused]})
    assert sold["discount"] > 498, "more than the 10% that everybody gets"

    for _ in range(30):  # the fold looks twice a second
        page.goto(mail)
        if read_redeemed(panel) == before + 1:
            break
        page.wait_for_timeout(500)
    assert read_redeemed(panel) == before + 1


def read_redeemed(panel: Locator) -> int:
    """Read how many sales of a mail were redeemed."""
    tile = panel.get_by_text("Redeemed", exact=True).locator("..")
    expect(tile).to_be_visible()
    return int(re.search(r"(\d+) sale", tile.inner_text()).group(1))


def test_every_step_works_without_javascript(browser: Browser, product: Product):
    """P6: a link to a confirmation page stands in for the dialog."""
    context = open_context(browser, product, java_script_enabled=False)
    page = context.new_page()
    page.goto("/login/")
    page.locator("[name=username]").fill("marketer")
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto("/campaigns/")
    page.get_by_role("link", name="Tea time").click()
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#campaign-status .status-badge")).to_have_text("Active")
    page.get_by_role("button", name="End Early").click()
    expect(page.get_by_role("heading", name="End “Tea time” now?")).to_be_visible()
    page.get_by_role("main").get_by_role("button", name="End Early").click()
    expect(page.locator("#campaign-status .status-badge")).to_have_text("Expired")
    context.close()


PAGES_BEYOND_THE_MENU = (
    "/campaigns/email/new/",
    "/campaigns/promotion/new/",
    *(f"/reports/promotions/?by={by}" for by in ("location", "day", "hour", "campaign", "coupon", "beyond")),
)


def list_too_wide(page: Page) -> list[str]:
    """Return the pages of the menu, and two forms, that are wider than the window."""
    addresses = page.eval_on_selector_all(
        "nav a[href^='/']", "links => links.map(link => link.getAttribute('href'))"
    )
    assert len(addresses) >= 8
    too_wide = []
    for address in [*dict.fromkeys(addresses), *PAGES_BEYOND_THE_MENU]:
        answer = page.goto(address)
        assert answer.status == 200, address
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            too_wide.append(address)
    return too_wide


def test_no_page_is_wider_than_its_window_with_its_text_enlarged(page: Page, sign_in):
    """A window of 1440 pixels whose text is enlarged to 200% (WCAG 2.2, 1.4.4); as it is, in test_axe.py."""
    page.set_viewport_size({"width": 720, "height": 900})
    sign_in("marketer")
    assert list_too_wide(page) == []


@pytest.mark.parametrize(("language", "word"), [("de-DE", "Kampagnen"), ("fr-FR", "Campagnes")])
def test_no_page_is_wider_than_a_telephone_in_another_language(
    browser, product: Product, page: Page, sign_in, language, word
):
    sign_in("marketer")
    with open_context(browser, product, locale=language, viewport={"width": 390, "height": 900}) as context:
        context.add_cookies(page.context.cookies())
        other = context.new_page()
        other.goto("/campaigns/")
        expect(other.get_by_role("heading", level=1)).to_have_text(word)
        assert list_too_wide(other) == []
