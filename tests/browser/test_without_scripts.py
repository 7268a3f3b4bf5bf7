"""The whole life of a campaign of each kind with JavaScript off: every step a person can take, by whole pages."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Product, open_context, sign_in_as
from tests.browser.tills import till

BASKET = {"currency": "EUR", "lines": [{"id": "1", "sku": "NOJS1", "quantity": 1, "unit_price": 1000}]}
LATER = 7  # days


@pytest.fixture
def page(browser: Browser, product: Product):
    """A page of the marketer in a browser that runs no script."""
    with open_context(browser, product, java_script_enabled=False) as context:
        page = context.new_page()
        sign_in_as(page, product, "marketer")
        yield page


def take_step(page: Page, label: str, becomes: str, *, asks: bool = False, **fields: str) -> None:
    """Press a button of the campaign, answer the page that asks, if one does, and see the new state."""
    page.locator("#campaign-status").get_by_role("button", name=label, exact=True).click()
    if asks:
        expect(page.get_by_role("heading", level=1)).to_contain_text("“")
        for name, text in fields.items():
            page.locator(f"main [name={name}]").fill(text)
        page.get_by_role("main").get_by_role("button", name=label, exact=True).click()
    expect_state(page, becomes)


def expect_state(page: Page, state: str) -> None:
    """Look until the campaign is in a state: without scripts, a page is loaded anew to see what happened meanwhile."""
    badge = page.locator("#campaign-status .status-badge").first  # another says that it is archived
    for _ in range(60):
        if re.fullmatch(state, badge.inner_text()):
            return
        page.wait_for_timeout(500)
        page.goto(page.url)
    expect(badge).to_have_text(re.compile(state))


def write_moment(days: float) -> str:
    return f"{timezone.now() + timedelta(days=days):%Y-%m-%dT%H:%M}"


def write_mail(page: Page, name: str) -> None:
    """Write a mail to the guests of events, of whom one gets it in a minute."""
    page.goto("/campaigns/email/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Sender address").fill("shop@example.com")
    page.get_by_label("Subject").fill("Written without scripts")
    page.get_by_label("Content", exact=True).fill("Hello {{ unsubscribe_url }}")
    page.get_by_label("Event guests").select_option("include")
    page.get_by_label("SMTP connection").select_option(label="Mail catcher")
    page.get_by_label("Maximum per hour").fill("60")
    page.get_by_role("button", name="Save", exact=True).click()
    expect_state(page, "Draft")


def archive_and_take_back(page: Page, name: str, state: str) -> None:
    """Archive a campaign that has ended, find it among the archived ones, and take it back. E8"""
    campaign = page.url
    take_step(page, "Archive", state)
    page.goto(f"/campaigns/?q={name}")
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
    page.goto(f"/campaigns/?q={name}&archived=on")
    page.get_by_role("checkbox", name=f"Tick {name}", exact=True).check()
    page.locator("#several").get_by_role("button", name="Unarchive").click()
    page.goto(f"/campaigns/?q={name}")
    page.get_by_role("link", name=name, exact=True).click()
    assert page.url == campaign
    take_step(page, "Archive", state)
    take_step(page, "Unarchive", state)


def delete_draft(page: Page) -> None:
    page.locator("#campaign-status").get_by_role("button", name="Delete").click()
    page.get_by_role("main").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status").first).to_contain_text("is deleted")


def test_an_email_campaign_lives_its_whole_life_without_scripts(page: Page):
    """E1, E2, E3, E4, E5, E7, E8, E9, E10"""
    name = "A mail without scripts"
    write_mail(page, name)
    campaign = page.url
    take_step(page, "Duplicate", "Draft")
    assert page.url != campaign
    delete_draft(page)

    page.goto(campaign)
    take_step(page, "Schedule", "Scheduled", asks=True, at=write_moment(LATER))
    take_step(page, "Unschedule", "Draft")
    take_step(page, "Schedule", "Scheduled", asks=True, at=write_moment(LATER))
    page.locator("#campaign-status").get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Save as draft").click()
    expect_state(page, "Draft")
    take_step(page, "Schedule", "Scheduled", asks=True, at=write_moment(LATER))
    take_step(page, "Launch", "Running", asks=True)

    take_step(page, "Pause", "Paused", asks=True, why="The price is wrong.")
    expect(page.locator("#campaign-status")).to_contain_text("The price is wrong.")
    take_step(page, "Resume", "Running")
    expect(page.locator("#campaign-progress")).to_contain_text("Recipients")
    take_step(page, "Pause", "Paused", asks=True)
    take_step(page, "Cancel campaign", "Cancelled", asks=True, why="It should not have gone out.")
    expect(page.locator("#campaign-status").get_by_role("button", name="Resume")).to_have_count(0)
    archive_and_take_back(page, name, "Cancelled")

    take_step(page, "Duplicate", "Draft")
    page.locator("#campaign-status").get_by_role("link", name="Edit").click()
    page.get_by_label("Maximum per hour").fill("")
    page.get_by_label("Name", exact=True).fill(f"{name}, again")
    page.get_by_role("button", name="Save", exact=True).click()
    take_step(page, "Launch", "Running|Completed", asks=True)
    expect_state(page, "Completed")
    archive_and_take_back(page, f"{name}, again", "Completed")
    page.get_by_role("link", name="Report", exact=True).first.click()
    page.get_by_role("link", name="Resend to those who did not click").click()
    page.get_by_role("main").get_by_role("button", name="Create the draft").click()
    expect_state(page, "Draft")


def test_a_failed_campaign_is_duplicated_for_those_it_did_not_reach_without_scripts(page: Page):
    """E6"""
    page.goto("/campaigns/?status=failed")
    page.locator("#campaigns tbody").get_by_role("link").first.click()
    expect_state(page, "Failed")
    expect(page.locator("#campaign-status").get_by_role("button", name="Resume")).to_have_count(0)
    page.get_by_role("link", name="Duplicate for unreached recipients").click()
    page.get_by_role("main").get_by_role("button", name="Duplicate").click()
    expect_state(page, "Draft")


def test_the_winner_of_an_ab_test_is_chosen_without_scripts(page: Page):
    """E3"""
    write_mail(page, "Two subjects without scripts")
    page.locator("#campaign-status").get_by_role("link", name="Edit").click()
    page.get_by_label("Maximum per hour").fill("")
    page.get_by_label("Try variants on a part of the recipients first").check()
    page.get_by_role("button", name="Show the fields of the test").click()
    page.get_by_label("One more subject").fill("Another subject")
    page.get_by_role("button", name="Update the variants").click()
    expect(page.get_by_role("row", name="B Another subject")).to_be_visible()
    page.get_by_label("Or a number of recipients").fill("20")
    page.get_by_label("How the winner is chosen").select_option(label="I choose")
    page.get_by_role("button", name="Save", exact=True).click()
    take_step(page, "Launch", "Running", asks=True)
    for _ in range(60):
        if page.get_by_role("link", name="Choose B").count():
            break
        page.wait_for_timeout(500)
        page.goto(page.url)
    page.get_by_role("link", name="Choose B").click()
    page.get_by_role("main").get_by_role("button", name="Send variant B").click()
    expect_state(page, "Completed")


def add_promotion(page: Page) -> None:
    """Make a promotion of the draft whose page is shown: it is switched on with it, which can be undone and done."""
    page.get_by_role("main").get_by_role("link", name="Category or item discount").click()
    page.get_by_label("Name", exact=True).fill("A tenth off without scripts")
    page.locator("[data-part=off_items]").get_by_label("Percent").fill("10")
    page.locator("[data-part=items]").get_by_label("SKUs").fill("NOJS1")
    page.get_by_role("button", name="Create promotion").click()
    page.get_by_role("button", name="Undo").click()
    page.locator("#campaign-promotions").get_by_role("button", name="Switch on").click()
    expect(page.locator("#campaign-promotions").get_by_role("button", name="Switch off")).to_be_visible()


def test_a_promotion_campaign_lives_its_whole_life_without_scripts(page: Page, product: Product):
    """P1, P2, P3, P4, P5, P6, P7, P8, P10"""

    def read_discount() -> int:
        return till(product, "POST", "quotes", BASKET)["discount"]

    name = "An offer without scripts"
    page.goto("/campaigns/promotion/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create draft").click()
    expect_state(page, "Draft")
    campaign = page.url
    add_promotion(page)
    assert page.url.partition("#")[0] == campaign
    assert read_discount() == 0, "a draft gives nothing"
    take_step(page, "Duplicate", "Draft")
    copy = page.url

    page.goto(campaign)
    take_step(page, "Schedule", "Scheduled", asks=True, at=write_moment(LATER))
    assert read_discount() == 0, "it has not begun"
    page.locator("#campaign-status").get_by_role("link", name="Edit").click()
    page.get_by_label("Maximum uses", exact=True).fill("50")
    page.get_by_role("button", name="Save", exact=True).click()
    expect_state(page, "Scheduled")
    take_step(page, "Activate", "Active", asks=True)
    assert read_discount() == 100

    take_step(page, "Pause", "Paused", asks=True, why="The shelf is empty.")
    expect(page.locator("#campaign-status")).to_contain_text("The shelf is empty.")
    assert read_discount() == 0
    take_step(page, "Resume", "Active")
    assert read_discount() == 100
    page.locator("#campaign-status").get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Pause first").click()
    expect_state(page, "Paused")
    take_step(page, "Resume", "Active")
    page.locator("#campaign-promotions").get_by_role("button", name="Switch off").click()
    assert read_discount() == 0, "one promotion is switched off by itself"
    page.locator("#campaign-promotions").get_by_role("button", name="Switch on").click()
    assert read_discount() == 100

    page.locator("#campaign-status").get_by_role("button", name="Cancel campaign").click()
    page.get_by_role("link", name="End Early instead").click()
    page.get_by_role("main").get_by_role("button", name="End Early").click()
    expect_state(page, "Expired")
    assert read_discount() == 0
    archive_and_take_back(page, name, "Expired")

    page.goto(copy)
    take_step(page, "Activate", "Active", asks=True)
    take_step(page, "Pause", "Paused", asks=True)
    take_step(page, "Cancel campaign", "Cancelled", asks=True, why="It should not have run.")
    archive_and_take_back(page, f"{name} (copy)", "Cancelled")
    take_step(page, "Duplicate", "Draft")
    delete_draft(page)
