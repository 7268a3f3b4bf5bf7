"""The list of campaigns by keyboard alone, and the bar of those that are ticked."""

import re

from playwright.sync_api import Page, expect

from tests.browser.axe import list_violations


def test_the_list_is_walked_ticked_and_opened_by_keyboard(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/?kind=promotion&sort=name")
    links = page.locator("[data-row]")
    for key, place in (("j", 0), ("j", 1), ("k", 0), ("k", 0), ("j", 1)):
        page.keyboard.press(key)
        expect(links.nth(place)).to_be_focused()
    page.keyboard.press("x")
    bar = page.get_by_role("form", name="Ticked campaigns")
    expect(bar.get_by_role("status")).to_have_text("1 ticked")
    expect(bar.get_by_role("button", name="Archive")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys for this list")).to_be_visible()
    assert [*list_violations(page)] == []
    page.keyboard.press("Escape")
    links.nth(1).focus()
    name = links.nth(1).inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()


def test_the_address_keeps_only_the_filters_that_were_chosen(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/")
    page.get_by_role("combobox", name="Kind").select_option("email")
    page.wait_for_url(re.compile(r"/campaigns/\?kind=email$"))
    expect(page.locator("#campaigns").get_by_role("link", name="Coffee weeks")).to_have_count(0)
