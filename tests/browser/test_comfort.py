"""Pages for people who need larger text, no motion, or the colours of their system."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import TOO_WIDE
from tests.browser.conftest import Product, open_context, sign_in_as

PAGES = [
    "/", "/campaigns/", "/campaigns/1/", "/campaigns/promotion/1/edit/", "/promotions/", "/promotions/1/",
    "/promotions/new/?type=items", "/coupons/", "/contacts/", "/people/", "/people/invite/", "/sandbox/",
    "/reports/promotions/",
]  # fmt: skip
# texts of which a part cannot be seen, since their box neither grows nor scrolls
CLIPPED = """() => [...document.querySelectorAll("body *")]
  .filter((one) => one.checkVisibility({ visibilityProperty: true }))
  .filter((one) => !one.closest(".visually-hidden, svg, option, caption, .skip"))
  .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim()))
  .filter((one) => {
    const { overflowX, overflowY } = getComputedStyle(one);
    return (["hidden", "clip"].includes(overflowX) && one.scrollWidth > one.clientWidth + 1)
      || (["hidden", "clip"].includes(overflowY) && one.scrollHeight > one.clientHeight + 1);
  })
  .map((one) => one.textContent.trim().slice(0, 60))"""


def test_text_of_twice_the_size_is_neither_clipped_nor_wider_than_the_window(page: Page, sign_in):
    page.set_viewport_size({"width": 1440, "height": 900})
    sign_in("admin")
    for address in PAGES:
        page.goto(address)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert page.evaluate(CLIPPED) == [], address
        assert not page.evaluate(TOO_WIDE), address


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
