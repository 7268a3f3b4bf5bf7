"""A person's own time zone, in a real browser: what is shown, what is typed, and what a colleague sees of it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PASSWORD, Product, open_context


@pytest.fixture
def open_as(browser: Browser, product: Product):
    """Open a page of somebody's own; that a refused step is told in the console is no fault."""
    contexts = []

    def open_page(name: str) -> Page:
        contexts.append(open_context(browser, product))
        page = contexts[-1].new_page()
        page.goto("/login/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{product.address}/")
        return page

    yield open_page
    for context in contexts:
        context.close()


def choose_zone(page: Page, label: str) -> None:
    page.get_by_role("link", name="Your settings").click()
    page.get_by_label("Time zone").select_option(label=label)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your settings are saved.")).to_be_visible()
    expect(page.locator("footer")).to_have_text(f"Times shown in {label} time")


def test_a_person_chooses_a_zone_and_schedules_in_it(open_as: Callable[[str], Page]):
    page = open_as("marketer")
    expect(page.locator("footer")).to_have_text("Times shown in Berlin time")
    choose_zone(page, "New York")

    page.goto("/campaigns/?q=Autumn+roast+is+here")
    page.get_by_role("link", name="Autumn roast is here", exact=True).click()
    page.wait_for_url("**/email/*/")
    original = page.url
    page.locator("#campaign-status").get_by_role("button", name="Duplicate").click()
    page.wait_for_url(lambda url: url != original)
    status, dialog = page.locator("#campaign-status"), page.get_by_role("dialog")
    status.get_by_role("button", name="Schedule").click()
    expect(dialog.get_by_text("Times are in New York time.")).to_be_visible()
    dialog.get_by_label("Send at").fill("2098-03-09T02:30")  # the clocks are put forward that night
    dialog.get_by_role("button", name="Schedule").click()
    expect(dialog.get_by_text("02:30 does not exist on 9 Mar 2098")).to_be_visible()
    dialog.get_by_label("Send at").fill("2098-07-01T20:00")
    dialog.get_by_role("button", name="Schedule").click()
    expect(status).to_contain_text("Starts automatically on 1 Jul 2098, 20:00 (New York time)")

    colleague = open_as("analyst")
    colleague.goto(page.url)
    expect(colleague.locator("#campaign-status")).to_contain_text(
        "Starts automatically on 2 Jul 2098, 02:00 (Berlin time)"
    )
    status.get_by_role("button", name="Unschedule").click()
    expect(status.locator(".status-badge")).to_have_text("Draft")
    choose_zone(page, "Berlin")
