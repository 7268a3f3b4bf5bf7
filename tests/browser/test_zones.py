"""A person's own time zone, in a real browser: what is shown, what is typed, and what a colleague sees of it."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.xdist_group("browser")  # one product for all of them


def test_a_person_chooses_a_zone_and_schedules_in_it(page: Page, sign_in):
    sign_in("marketer")
    expect(page.locator("footer")).to_have_text("Times shown in Berlin time")
    page.get_by_role("link", name="Your settings").click()
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    page.get_by_label("Time zone").select_option(label="New York")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your settings are saved.")).to_be_visible()
    expect(page.locator("footer")).to_have_text("Times shown in New York time")

    page.goto("/campaigns/")
    page.get_by_role("link", name="Advent calendar preview").click()
    status = page.locator("#campaign-status")
    status.get_by_role("button", name="Unschedule").click()
    expect(status.locator(".status-badge")).to_have_text("Draft")
    status.get_by_role("button", name="Schedule").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Times are in New York time.")).to_be_visible()
    dialog.get_by_label("Send at").fill("2098-03-09T02:30")  # the clocks are put forward that night
    dialog.get_by_role("button", name="Schedule").click()
    expect(dialog.get_by_text("02:30 does not exist on 9 Mar 2098")).to_be_visible()
    dialog.get_by_label("Send at").fill("2098-07-01T20:00")
    dialog.get_by_role("button", name="Schedule").click()
    expect(status).to_contain_text("Starts by itself on 1 Jul 2098, 20:00 (New York time)")

    page.context.clear_cookies()
    sign_in("analyst")
    page.goto("/campaigns/")
    page.get_by_role("link", name="Advent calendar preview").click()
    expect(page.locator("#campaign-status")).to_contain_text(
        re.compile(r"Starts by itself on 2 Jul 2098, 02:00 \(Berlin time\)")
    )
