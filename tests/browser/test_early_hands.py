"""What somebody does on a page while its scripts are still under way, as on a slow line, is not lost."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, Route, expect


@contextmanager
def without_scripts(page: Page, address: str) -> Iterator[None]:
    """Open a page; its scripts come at the end of the block."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/*.js", hold)
    page.goto(address, wait_until="commit")
    page.locator("footer").wait_for()
    yield
    assert held, "the page has scripts"
    for route in held:
        route.continue_()
    page.unroute("**/*.js", hold)


def press(page: Page, target: Locator) -> None:
    """Press with the mouse, whatever is still to come."""
    box = target.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_what_is_typed_before_the_scripts_come_is_looked_for(page: Page, sign_in):
    sign_in("marketer")
    with without_scripts(page, "/campaigns/"):
        press(page, page.get_by_role("searchbox"))
        page.keyboard.type("coffee w")
    expect(page.locator("#campaigns").get_by_role("link", name="Coffee weeks")).to_be_visible()
    expect(page.locator("#campaigns").get_by_role("link", name="Autumn roast is here")).to_have_count(0)


def test_what_is_chosen_before_the_scripts_come_is_looked_for(page: Page, sign_in):
    sign_in("marketer")
    with without_scripts(page, "/campaigns/"):
        page.locator("select[name=kind]").evaluate("select => { select.value = 'email' }")
    expect(page.locator("#campaigns").get_by_role("link", name="Coffee weeks")).to_have_count(0)


def test_a_button_pressed_before_the_scripts_come_leads_to_the_page_that_asks(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/")
    page.get_by_role("link", name="Coffee weeks").click()
    with without_scripts(page, page.url):
        press(page, page.locator("#campaign-status").get_by_role("button", name="Pause"))
        page.wait_for_url(re.compile("/pause/"), wait_until="commit")
    expect(page.get_by_role("heading", level=1, name="Pause “Coffee weeks”?")).to_be_visible()
    expect(page.locator("main").get_by_role("button", name="Pause")).to_be_visible()
