"""What a reader needs: text that stands out from its ground, controls with names, dialogs by keyboard."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import wait_for_parts

# WCAG 2.2, 1.4.3: the contrast of text with its ground is at least 4.5, of large text 3; what is disabled excepted
TOO_PALE = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => known.get(colour) ?? known.set(colour, draw(colour)).get(colour);
  const draw = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ground = (element) => {
    const own = element ? rgba(getComputedStyle(element).backgroundColor) : [255, 255, 255, 1];
    return own[3] === 1 ? own : over(own, ground(element.parentElement));
  };
  const pale = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const said = texts.currentNode.textContent.trim();
    if (!said || !element.checkVisibility({ visibilityProperty: true }) || element.closest("[disabled]")) continue;
    const style = getComputedStyle(element);
    const size = parseFloat(style.fontSize);
    const below = ground(element);
    const [light, dark] = [luminance(over(rgba(style.color), below)), luminance(below)].sort((a, b) => b - a);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < least) pale.add(`${said.slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return [...pale];
}"""

NAMELESS = """() => [...document.querySelectorAll("main :is(input:not([type=hidden]), select, textarea, a, button)")]
  .filter((control) => !(control.labels?.length || control.ariaLabel || control.textContent.trim()))
  .map((control) => control.outerHTML.slice(0, 120))"""


def test_every_text_stands_out_from_its_ground_and_every_control_has_a_name(page: Page, sign_in):
    sign_in("admin")
    menu = page.eval_on_selector_all(
        "nav a[href^='/']", "links => links.map(link => link.getAttribute('href'))"
    )
    campaigns = [f"/campaigns/{pk}/" for pk in range(1, 18)]
    asked = ["/campaigns/1/cancel/", "/campaigns/1/end_early/", "/account/password/"]
    for address in [*dict.fromkeys(menu), *campaigns, *asked]:
        if address.startswith("/admin/"):
            continue
        page.goto(address)
        assert page.evaluate(TOO_PALE) == [], address
        assert page.evaluate(NAMELESS) == [], address


def test_a_dialog_is_read_answered_and_left_by_keyboard_alone(page: Page, sign_in):
    """P6, P7"""
    sign_in("marketer")
    page.goto("/campaigns/")
    page.get_by_role("link", name="New customers").click()
    cancel = page.locator("#campaign-status").get_by_role("button", name="Cancel campaign")
    cancel.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Cancel “New customers” for good?")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("heading")).to_be_focused()
    page.keyboard.press("Tab")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(cancel).to_be_focused()
    expect(page.locator("#campaign-status .status-badge")).to_have_text("Active")


# what is at the middle of each heading, label and button, once it is in view, is that itself
COVERED = """() => [...document.querySelectorAll("main :is(h1, h2, h3, label, button, summary)")]
  .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
  .filter((element) => {
    element.scrollIntoView({ block: "center", behavior: "instant" });
    const { left, top, width, height } = element.getBoundingClientRect();
    if (width <= 1 || height <= 1) return false;
    const hit = document.elementFromPoint(left + width / 2, top + height / 2);
    return hit && !element.contains(hit) && !hit.contains(element) && !hit.closest("label")?.contains(element);
  })
  .map((element) => element.textContent.trim().slice(0, 60))"""

# none that another test may have launched or ended: a campaign that runs has no form
CROWDED = [
    "/campaigns/", "/campaigns/1/", "/campaigns/9/", "/campaigns/10/", "/campaigns/14/", "/promotions/4/edit/",
    "/promotions/1/", "/campaigns/email/11/edit/", "/campaigns/promotion/1/edit/", "/coupons/generate/", "/sandbox/",
    "/stacking/", "/reports/promotions/?by=day",
]  # fmt: skip


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_lies_over_a_heading_a_label_or_a_button(page: Page, sign_in, width):
    page.set_viewport_size({"width": width, "height": 900})
    sign_in("admin")
    for address in CROWDED:
        page.goto(address)
        wait_for_parts(page)
        assert page.evaluate(COVERED) == [], address
