"""The editor of e-mail campaigns: saved as it is typed, two people at once, versions, sections, without JavaScript."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import list_unreadable, list_violations
from tests.browser.conftest import Product, open_context, open_section, sign_in_as, wait_for_parts

SAVED = re.compile(r"Saved \d")


def begin_draft(page: Page, name: str) -> str:
    """Begin a campaign by typing its name; return its address once it is saved."""
    page.goto("/campaigns/email/new/")
    page.get_by_label("Name", exact=True).fill(name)
    expect(page.locator("#save-state")).to_contain_text(SAVED)
    page.wait_for_url(re.compile(r"/email/\d+/edit/"))
    return page.url.partition("?")[0]


def change(page: Page, label: str, text: str) -> None:
    """Type into a field and wait until it is saved."""
    with page.expect_response(re.compile("/autosave/")):
        page.get_by_label(label, exact=True).fill(text)
    expect(page.locator("#save-state")).to_have_attribute("data-state", "answered")


def test_what_is_typed_is_saved_and_there_after_a_reload(page: Page, sign_in):
    sign_in("marketer")
    address = begin_draft(page, "Saved as it is typed")
    expect(page.get_by_role("heading", level=1)).to_have_text("Edit Saved as it is typed")
    change(page, "Subject", "Tea for two")
    open_section(page, "Delivery")
    assert page.url == f"{address}?section=delivery"
    change(page, "Maximum per hour", "-1")
    state = page.locator("#save-state")
    expect(state).to_contain_text("but not all of it")
    open_section(page, "Content")
    state.get_by_role("link", name="Maximum per hour").click()  # it leads to the section that holds the field
    expect(page.get_by_label("Maximum per hour")).to_be_focused()
    change(page, "Maximum per hour", "500")
    expect(state).to_contain_text(SAVED)
    expect(state).not_to_contain_text("but not")
    page.reload()  # nothing is left to lose: nobody is asked
    expect(page.get_by_label("Maximum per hour")).to_have_value("500")
    page.go_back()
    open_section(page, "Content")
    expect(page.get_by_label("Subject")).to_have_value("Tea for two")
    page.get_by_label("Subject").fill("Tea for three")
    page.locator(".save").get_by_role("button", name="Save").click()
    page.wait_for_url(re.compile(r"/email/\d+/$"))
    expect(page.get_by_text("Tea for three").first).to_be_visible()


def test_two_people_see_each_other_and_neither_overwrites_the_other(
    page: Page, browser: Browser, product: Product, sign_in
):
    sign_in("marketer")
    address = begin_draft(page, "Written by two")
    context = open_context(browser, product)
    other = context.new_page()
    sign_in_as(other, product, "admin")
    other.goto(address)
    expect(other.locator("#presence")).to_contain_text("Mara Market is editing")
    change(page, "Subject", "By Mara")
    with other.expect_response(re.compile("/autosave/")):
        other.get_by_label("Subject", exact=True).fill("By the other")
    state = other.locator("#save-state")
    expect(state).to_contain_text("Edited by Mara Market")
    expect(state).to_contain_text("By Mara")
    expect(other.get_by_label("Subject", exact=True)).to_have_value("By the other")
    page.reload()
    expect(page.get_by_label("Subject", exact=True)).to_have_value("By Mara")
    other.locator(".save").get_by_role(
        "button", name="Save"
    ).click()  # who was told may put theirs in its place
    other.wait_for_url(re.compile(r"/email/\d+/$"))
    context.close()
    page.goto(address)
    expect(page.get_by_label("Subject", exact=True)).to_have_value("By the other")

    page.get_by_role("link", name="Versions").click()
    page.get_by_role("row", name="Mara Market").first.get_by_role("link").click()
    expect(page.get_by_role("row", name="Subject")).to_contain_text("By Mara")
    page.get_by_role("button", name="Bring this version back").click()
    expect(page.get_by_role("status").first).to_contain_text("is again as it was on")
    page.goto(address)
    expect(page.get_by_label("Subject", exact=True)).to_have_value("By Mara")


def test_a_session_that_ends_while_somebody_types_brings_it_back(
    page: Page, browser: Browser, product: Product
):
    context = open_context(browser, product)
    quiet = context.new_page()  # the browser complains of what the server refuses
    sign_in_as(quiet, product, "marketer")
    address = begin_draft(quiet, "Typed without a session")
    cookies = context.cookies()
    context.clear_cookies(name="sessionid")
    quiet.get_by_label("Subject").fill("Not lost")
    quiet.wait_for_url(re.compile(r"/login/\?next="))
    context.add_cookies(cookies)
    quiet.goto(f"{address}?unsent=1")
    expect(quiet.get_by_text("What you typed is back")).to_be_visible()
    expect(quiet.get_by_label("Subject")).to_have_value("Not lost")
    expect(quiet.locator("#save-state")).to_contain_text(SAVED)
    quiet.reload()
    expect(quiet.get_by_label("Subject")).to_have_value("Not lost")
    context.close()


def test_a_mail_is_written_section_by_section_without_javascript(browser: Browser, product: Product):
    context = open_context(browser, product, java_script_enabled=False)
    page = context.new_page()
    sign_in_as(page, product, "marketer")
    page.goto("/campaigns/email/new/")
    for name in ("Content", "Audience", "Offer", "Delivery", "Review"):
        expect(page.get_by_role("group", name=f"Section {name}")).to_be_visible()
    page.goto("/campaigns/email/new/?section=content")
    expect(page.get_by_label("SMTP connection")).to_be_hidden()
    page.get_by_label("Name", exact=True).fill("Without scripts")
    page.get_by_role("button", name="Continue: Audience").click()
    page.get_by_label("Coffee club").select_option("include")
    page.get_by_role("button", name="Continue: Offer").click()
    page.get_by_role("button", name="Continue: Delivery").click()
    page.get_by_role("button", name="Continue: Review").click()
    expect(page.get_by_role("heading", name="Edit Without scripts")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Coffee club").first).to_be_visible()
    context.close()


def test_a_mail_is_launched_from_review_and_axe_finds_nothing_in_any_section(page: Page, sign_in):
    sign_in("marketer")
    begin_draft(page, "Launched from Review")
    change(page, "Sender address", "shop@example.com")
    change(page, "Sender name", "The shop")
    change(page, "Subject", "Tea")
    change(page, "Content", "Hello {{ unsubscribe_url }}")
    wrong = []
    for name in ("Content", "Audience", "Offer", "Delivery", "Review"):
        open_section(page, name)
        wait_for_parts(page)
        wrong += [f"{name}: {fault}" for fault in (*list_violations(page), *list_unreadable(page))]
    page.set_viewport_size({"width": 1440, "height": 900})
    review = page.get_by_role("group", name="Section Review")
    review.get_by_role("link", name="Choose at least one list or segment").click()
    expect(page.get_by_role("group", name="Section Audience")).to_be_visible()
    page.get_by_label("Coffee club").select_option("include")
    expect(page.locator("#audience-funnel")).to_contain_text("Recipients")
    open_section(page, "Delivery")
    page.locator("#id_connection").select_option(label="Mail catcher")
    page.get_by_label("Planned for").fill("2098-07-01T09:00")
    page.get_by_label("Planned for").blur()
    expect(page.locator("#start-in-words")).to_contain_text("The clocks there go")
    open_section(page, "Review")
    expect(review).to_contain_text("Ready to send.")
    review.get_by_role("link", name="Launch").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("As fast as the servers take it")
    wrong += list_violations(page, "#ask")
    dialog.get_by_role("button", name="Launch").click()
    page.wait_for_url(re.compile(r"/email/\d+/$"))
    expect(page.locator("#campaign-status .status-badge")).to_have_text(re.compile("Running|Completed"))
    assert wrong == [], "\n".join(wrong)
