"""What a reader needs: dialogs by keyboard, and nothing that lies over what is to be read."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import wait_for_parts


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


def test_nothing_lies_over_a_heading_a_label_or_a_button(page: Page, sign_in):
    sign_in("admin")
    for address in CROWDED:
        page.goto(address)
        wait_for_parts(page)
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert page.evaluate(COVERED) == [], (address, width)
