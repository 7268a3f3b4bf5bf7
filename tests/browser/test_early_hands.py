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


@contextmanager
def hold_answers(page: Page, pattern: str) -> Iterator[None]:
    """What is asked for within the block is answered at its end."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(pattern, hold)
    yield
    assert held, "something was asked for"
    for route in held:
        route.continue_()
    page.unroute(pattern, hold)


def test_what_is_typed_while_a_condition_is_drawn_anew_stays(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/segments/new/")
    page.get_by_role("button", name="Condition").first.click()
    value = page.get_by_label("Value", exact=True)
    expect(value).to_be_visible()
    with hold_answers(page, "**/segments/new/"):
        page.get_by_label("Field", exact=True).select_option("City")
        value.press_sequentially("Wen")
        value.press("ArrowLeft")
        value.press("ArrowLeft")
    expect(page.locator("#builder option[selected]", has_text="City")).to_have_count(1)
    page.keyboard.type("i")  # where the caret was
    expect(value).to_have_value("Wien")
    expect(page.locator("#segment-count")).to_contain_text("match")


def test_what_is_typed_and_chosen_while_the_test_is_drawn_anew_stays(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/email/new/")
    part = page.locator("#id_variants")
    part.get_by_label("Try variants on a part of the recipients first").check()
    subjects = part.locator("[name=ab-subjects]")
    expect(subjects).to_have_count(1)
    with hold_answers(page, "**/campaigns/email/variants/"):
        subjects.fill("Second")
        part.locator("[name=ab-from_names]").press_sequentially("Ada")  # the first subject is on its way now
        part.get_by_label("How the winner is chosen").select_option(index=1)
    expect(subjects).to_have_count(2)
    expect(part.locator("[name=ab-from_names]").first).to_have_value("Ada")
    expect(part.get_by_label("How the winner is chosen")).to_have_value(
        part.get_by_label("How the winner is chosen").locator("option").nth(1).get_attribute("value")
    )
