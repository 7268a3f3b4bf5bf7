"""Pages for people who need no motion, or the colours of their system."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Product, open_context, sign_in_as


@pytest.fixture
def forced_page(browser, product: Product):
    context = open_context(browser, product, forced_colors="active", reduced_motion="reduce")
    yield context.new_page()
    context.close()


def test_the_colours_of_the_system_show_where_the_focus_is_and_what_state_something_has(
    forced_page: Page, product: Product
):
    page = forced_page
    sign_in_as(page, product, "admin")
    page.goto("/campaigns/")
    assert page.evaluate("matchMedia('(forced-colors: active)').matches")
    style = "(one, name) => getComputedStyle(one)[name]"
    badge = page.locator("main .status-badge").first
    assert badge.evaluate(style, "borderTopStyle") == "solid"
    here = page.locator(".side [aria-current]")
    assert here.evaluate(style, "borderInlineStartWidth") == "4px"
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    expect(focused).to_have_count(1)
    assert focused.evaluate(style, "outlineStyle") == "solid"
    assert focused.evaluate(style, "outlineWidth") == "3px"


def test_whoever_wants_no_motion_gets_none(forced_page: Page):
    forced_page.goto("/login/")
    longest = """() => Math.max(0, ...[...document.querySelectorAll("*")].flatMap((one) => {
      const { transitionDuration, animationDuration } = getComputedStyle(one);
      return [transitionDuration, animationDuration].flatMap((all) => all.split(",").map(parseFloat));
    }))"""
    assert forced_page.evaluate(longest) <= 0.001
