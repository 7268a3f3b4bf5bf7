"""The till's API is read in a real browser, under the policy that lets no script or style in from elsewhere."""

import pytest
from playwright.sync_api import Page, expect


@pytest.mark.parametrize("width", [1440, 390])
def test_every_call_of_the_till_api_is_drawn_with_its_examples(page: Page, sign_in, width):
    page.set_viewport_size({"width": width, "height": 900})
    sign_in("analyst")
    page.goto("/sandbox/")
    page.get_by_role("link", name="Till API").click()
    calls = page.locator(".opblock")
    expect(calls).to_have_count(8)
    calls.filter(has_text="Commit a sale").get_by_role("button").first.click()
    expect(page.get_by_text('"SPRING10"').first).to_be_visible()
    refusal = page.locator(".response", has_text="Not possible as things stand")
    expect(refusal.get_by_role("combobox")).to_contain_text("quote_changed")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
