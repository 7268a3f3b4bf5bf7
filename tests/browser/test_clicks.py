"""How many clicks the four stories of docs/clicks.md take: they must not rise."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PASSWORD, Product
from tests.browser.test_promotions import field_text, part
from tests.browser.test_stories import follow_link

BODY = "Hello {{ first_name }}\n\n[Tea](https://shop.example/tea)\n\n[Leave]({{ unsubscribe_url }})"


class Hand:
    """What the marketer does with the mouse. To type is no click; a choice from a list, and a chosen file, are one."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def press(self, target: Locator) -> None:
        target.click()
        self.clicks += 1

    def press_button(self, name: str) -> None:
        self.press(self.page.get_by_role("main").get_by_role("button", name=name, exact=True).first)

    def press_link(self, name: str) -> None:
        self.press(self.page.get_by_role("main").get_by_role("link", name=name, exact=True).first)

    def go_to(self, name: str) -> None:
        self.press(self.page.locator(".side").get_by_role("link", name=name, exact=True))

    def tick(self, target: Locator) -> None:
        target.check()
        self.clicks += 1

    def choose(self, target: Locator, label: str) -> None:
        target.select_option(label)
        self.clicks += 1

    def confirm(self, name: str) -> None:
        self.press(self.page.get_by_role("dialog").get_by_role("button", name=name, exact=True))


@pytest.fixture
def hand(page: Page) -> Hand:
    return Hand(page)


def show_section(hand: Hand, name: str) -> None:
    hand.press(hand.page.get_by_role("navigation", name="Sections").get_by_role("link", name=name))


def test_sign_in_launch_and_see_the_click(page: Page, product: Product, hand: Hand, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/?q=Autumn+roast+is+here")
    page.get_by_role("link", name="Autumn roast is here", exact=True).click()
    page.locator("#campaign-status").get_by_role("button", name="Duplicate").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("copy"))
    name = page.get_by_role("heading", level=1).inner_text()
    page.context.clear_cookies()

    page.goto("/login/")
    page.get_by_label("Username").fill("marketer")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    hand.press(page.get_by_role("button", name="Sign in"))
    hand.press(page.get_by_role("main").get_by_role("link", name=name, exact=True).first)
    hand.press(page.locator("#campaign-status").get_by_role("button", name="Launch"))
    hand.confirm("Launch")
    expect(page.locator("#campaign-status .status-badge")).to_have_text("Completed")
    reader = page.context.new_page()
    reader.goto("/outbox/")
    reader.get_by_role("link", name=re.compile("the autumn roast is here")).first.click()
    follow_link(
        reader.frame_locator("iframe")
        .first.get_by_role("link", name="Have a bag put aside")
        .get_attribute("href")
    )
    reader.close()
    clicked = page.locator("#campaign-progress").get_by_text("Clicked").locator("..")
    page.reload()  # the page renews itself only while the mail is being sent
    expect(clicked).to_contain_text("1")
    assert hand.clicks <= 4


def test_a_new_mail_is_written_tested_and_launched(page: Page, hand: Hand, sign_in):
    sign_in("marketer")
    page.goto("/")
    hand.press_link("New e-mail campaign")
    page.get_by_label("Name", exact=True).fill("Counted in clicks")
    page.get_by_label("Sender address").fill("shop@example.com")
    page.get_by_label("Subject").fill("Tea for you")
    page.get_by_label("Content", exact=True).fill(BODY)
    show_section(hand, "Audience")
    hand.choose(page.get_by_label("Event guests"), "include")
    expect(page.get_by_label("SMTP connection").locator("option:checked")).to_have_text("Mail catcher")
    show_section(hand, "Review")
    review = page.get_by_role("group", name="Section Review")
    expect(review).to_contain_text("Ready to send.")
    page.locator("#step-review #id_to").fill("me@shop.example")
    hand.press(review.get_by_role("button", name="Send the test"))
    expect(page.locator("#test")).to_contain_text("me@shop.example")
    hand.press(review.get_by_role("link", name="Launch"))
    hand.confirm("Launch")
    page.wait_for_url(re.compile(r"/email/\d+/$"))
    assert hand.clicks <= 7


def make_promotion(hand: Hand, kind: str, name: str) -> None:
    """Make a promotion of the campaign whose page is shown, which is switched on with it."""
    hand.press_link(kind)
    hand.page.get_by_label("Name", exact=True).fill(name)


def test_three_promotions_with_codes_and_a_budget_run_end_and_are_reported(page: Page, hand: Hand, sign_in):
    sign_in("marketer")
    page.goto("/")
    hand.press_link("New promotion campaign")
    page.get_by_label("Name", exact=True).fill("Three counted in clicks")
    page.get_by_label("Ends", exact=True).fill(field_text(7))
    page.get_by_label("Budget (EUR)").fill("500")
    hand.press_button("Create draft")
    for kind, name in (
        ("Category or item discount", "Counted tenth"),
        ("Sale discount", "Counted sale"),
        ("Sale discount", "Counted code"),
    ):
        make_promotion(hand, kind, name)
        part(page, "off_items" if kind.startswith("Category") else "off_sale").get_by_label("Percent").fill(
            "10"
        )
        if name == "Counted tenth":
            part(page, "items").get_by_label("SKUs").fill("CLICK1")
        if name == "Counted code":
            hand.choose(page.get_by_label("Applies", exact=True), "with a coupon code")
            page.get_by_label("Codes to generate").fill("25")
        hand.press_button("Create promotion")
    for name in ("Counted tenth", "Counted sale", "Counted code"):
        expect(
            page.locator("#campaign-promotions").get_by_role("button", name=f"Switch off {name}")
        ).to_be_visible()
    expect(page.get_by_text("25 codes are generated.")).to_be_visible()
    campaign = page.url
    hand.go_to("Till sandbox")
    line = page.get_by_role("group", name="Line 1")
    line.get_by_label("Article").fill("CLICK1")
    line.get_by_label("Quantity").fill("1")
    line.locator("[data-field=unit_price] input").fill("10.00")
    expect(page.locator("#result")).to_contain_text("To pay")  # it answers while one types
    page.goto(campaign)  # by its link on the dashboard:
    hand.clicks += 2
    hand.press(page.locator("#campaign-status").get_by_role("button", name="Activate"))
    expect(page.locator("#campaign-status .status-badge")).to_have_text("Active")
    hand.press(page.locator("#campaign-status").get_by_role("button", name="End Early"))
    hand.confirm("End Early")
    expect(page.locator("#campaign-status .status-badge")).to_have_text("Expired")
    hand.press_link("Report")
    expect(page.locator("#report")).to_be_visible()
    assert hand.clicks <= 16


def test_an_import_becomes_a_segment_a_target_and_an_answer_why(
    page: Page, hand: Hand, sign_in, tmp_path: Path
):
    file = tmp_path / "counted.csv"
    file.write_text("email,first_name,city\nada@clicks.example,Ada,Wien\nbob@clicks.example,Bob,Graz\n")
    sign_in("marketer")
    page.goto("/")
    hand.go_to("Imports")
    page.get_by_label("CSV file").set_input_files(file)
    hand.clicks += 2  # the field, and the file in the window of the system
    hand.press_button("Upload")
    page.get_by_label("Or a new list named").fill("Counted people")
    hand.press_button("Check the file")
    hand.press_button("Import 2 contacts")
    expect(page.get_by_role("link", name="Show the contacts of the list")).to_be_visible()
    hand.press_link("Make a segment of the list")
    page.get_by_label("Name", exact=True).fill("Counted in Wien")
    hand.tick(page.get_by_label(re.compile("till")))  # its customer group
    page.get_by_label("Value", exact=True).fill(
        "Wien"
    )  # a second condition is there already, and it is the city
    hand.press_button("Save")
    expect(page.get_by_role("status").first).to_contain_text("Counted in Wien")
    hand.press_link("Write an e-mail to Counted in Wien")
    expect(page.get_by_role("main")).to_contain_text("to Counted in Wien")
    page.get_by_label("Name", exact=True).fill("Counted for Wien")
    expect(page.locator("#save-state")).to_have_attribute("data-state", "answered")
    hand.go_to("Contacts")
    page.get_by_role("main").get_by_role("searchbox").fill("ada@clicks.example")
    hand.press_link("ada@clicks.example")
    why = page.locator("#why")
    hand.choose(why.get_by_role("combobox"), "Counted for Wien (draft)")
    expect(why).to_contain_text("Yes, as things stand they will get it.")
    assert hand.clicks <= 13
