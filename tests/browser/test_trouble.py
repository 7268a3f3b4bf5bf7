"""What a person sees when something goes wrong on the way: errors, a lost session, a link in a caught mail."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from tests.browser.conftest import PASSWORD, Product, open_context, sign_in_as, wait_for_parts


@contextmanager
def open_quiet_page(browser: Browser, product: Product) -> Iterator[Page]:
    """A page whose console may complain: a failed request is meant to fail here."""
    context = open_context(browser, product)
    page = context.new_page()
    sign_in_as(page, product, "marketer")
    yield page
    context.close()


@pytest.fixture
def quiet_page(browser: Browser, product: Product):
    with open_quiet_page(browser, product) as page:
        yield page


@pytest.fixture(scope="module")
def troubled_page(browser: Browser, product: Product):
    """A page for many troubles, one after the other: to open one takes longer than each of them."""
    with open_quiet_page(browser, product) as page:
        yield page


def fill_in_login(page: Page) -> None:
    page.get_by_label("Username").fill("marketer")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login/" not in url)


def fail(status: int):
    return lambda route: route.fulfill(status=status, body="<p>no part of a page</p>")


def cut_connection(route: Route) -> None:
    route.abort("connectionrefused")


@pytest.mark.parametrize(
    ("answer", "said", "may_pass"),
    [
        (fail(400), "could not read what was sent", False),
        (fail(403), "You may not do that.", False),
        (fail(404), "no longer there", False),
        (fail(429), "Too many tries", True),
        (fail(500), "Something went wrong on the server (500)", True),
        (fail(502), "starting anew", True),
        (fail(503), "busy or its database is away", True),
        (cut_connection, "The server cannot be reached.", True),
    ],
)
def test_a_button_that_cannot_work_says_why_and_is_tried_again(troubled_page: Page, answer, said, may_pass):
    troubled_page.goto("/segments/new/")
    wait_for_parts(troubled_page)
    troubled_page.route("**/segments/**", answer)
    troubled_page.get_by_role("button", name=re.compile("Condition")).first.click()
    expect(troubled_page.locator("#trouble")).to_contain_text(said)
    expect(troubled_page.locator("#trouble")).to_be_visible()
    again = troubled_page.get_by_role("button", name="Try again")
    expect(again).to_have_count(1 if may_pass else 0)
    rows = troubled_page.locator("#builder select[name$=what]")
    before = rows.count()
    troubled_page.unroute("**/segments/**")
    (again if may_pass else troubled_page.get_by_role("button", name=re.compile("Condition")).first).click()
    expect(troubled_page.locator("#trouble")).to_be_empty()
    expect(rows).to_have_count(before + 1)


def end_session(page: Page) -> None:
    cookies = [cookie for cookie in page.context.cookies() if cookie["name"] != "sessionid"]
    page.context.clear_cookies()
    page.context.add_cookies(cookies)


def test_a_poll_without_a_session_leads_the_page_to_the_login_and_back(quiet_page: Page):
    quiet_page.goto("/campaigns/")
    quiet_page.get_by_role("link", name="Coffee weeks").click()
    quiet_page.wait_for_url("**/campaigns/promotion/*/")
    address = quiet_page.url
    end_session(quiet_page)
    quiet_page.get_by_role("button", name="Pause").click()  # its dialog comes by htmx
    quiet_page.wait_for_url(re.compile(r"/login/\?next="))
    expect(quiet_page.get_by_role("heading", name="Sign in")).to_be_visible()
    fill_in_login(quiet_page)
    assert quiet_page.url == address


def test_a_form_sent_without_a_session_comes_back_filled_in(quiet_page: Page):
    quiet_page.goto("/segments/new/")
    quiet_page.get_by_label("Name", exact=True).fill("People of Oslo")
    quiet_page.get_by_role("button", name=re.compile("Condition")).first.click()
    row = quiet_page.locator("#builder input[type=text], #builder input:not([type])").last
    row.fill("Oslo")
    end_session(quiet_page)
    quiet_page.get_by_role("button", name="Save").click()
    quiet_page.wait_for_url(re.compile(r"/login/\?next="))
    fill_in_login(quiet_page)
    expect(quiet_page.get_by_text("What you typed is back, but not saved yet")).to_be_visible()
    expect(quiet_page.get_by_label("Name", exact=True)).to_have_value("People of Oslo")
    expect(quiet_page.locator("#builder input").last).to_have_value("Oslo")
    quiet_page.get_by_role("button", name="Save").click()
    quiet_page.wait_for_url(re.compile(r"/segments/(\d+/)?$"))
    quiet_page.goto("/segments/new/")
    expect(quiet_page.get_by_label("Name", exact=True)).to_have_value("")


def test_leaving_a_changed_form_asks(quiet_page: Page):
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    quiet_page.on("dialog", stay)
    quiet_page.goto("/contacts/new/")
    quiet_page.get_by_role("link", name="Lists").first.click()
    quiet_page.wait_for_url("**/lists/")
    assert asked == []
    quiet_page.goto("/contacts/new/")
    quiet_page.get_by_label("First name").fill("Ada")
    quiet_page.get_by_role("link", name="Lists").first.click()
    quiet_page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    assert quiet_page.url.endswith("/contacts/new/")
    quiet_page.get_by_label("E-mail address").fill("ada.leaves@x.test")
    quiet_page.get_by_role("button", name="Save").click()
    quiet_page.wait_for_url(re.compile(r"/contacts/\d+/$"))
    assert asked == ["beforeunload"]


def test_a_time_that_is_past_keeps_the_dialog_and_what_was_typed(quiet_page: Page):
    quiet_page.goto("/campaigns/?q=autumn+roast")
    quiet_page.get_by_role("link", name="Autumn roast is here", exact=True).click()
    dialog = quiet_page.get_by_role("dialog")
    quiet_page.wait_for_url(re.compile(r"/email/\d+/$"))
    original = quiet_page.url
    quiet_page.locator("#campaign-status").get_by_role("button", name="Duplicate").click()
    quiet_page.wait_for_url(lambda url: url != original)
    expect(quiet_page.locator("#campaign-status .status-badge")).to_have_text("Draft")
    quiet_page.locator("#campaign-status").get_by_role("button", name="Schedule").click()
    dialog.get_by_label("Send at").fill("2021-05-01T09:00")
    dialog.get_by_role("button", name="Schedule").click()
    expect(dialog.get_by_text(re.compile("future|past"))).to_be_visible()
    expect(dialog.get_by_label("Send at")).to_have_value("2021-05-01T09:00")
    quiet_page.keyboard.press("Escape")
    expect(quiet_page.locator("#campaign-status .status-badge")).to_have_text("Draft")


def test_the_message_of_a_page_goes_with_the_next_step(quiet_page: Page):
    quiet_page.goto("/campaigns/?q=autumn+roast")
    quiet_page.get_by_role("link", name="Autumn roast is here", exact=True).click()
    quiet_page.wait_for_url(re.compile(r"/email/\d+/$"))
    quiet_page.locator("#campaign-status").get_by_role("button", name="Duplicate").click()
    expect(quiet_page.locator("[data-page-message]")).to_contain_text("is a draft with everything of")
    quiet_page.locator("#campaign-status").get_by_role("button", name="Schedule").click()
    dialog = quiet_page.get_by_role("dialog")
    dialog.get_by_label("Send at").fill("2098-05-01T09:00")
    dialog.get_by_role("button", name="Schedule").click()
    expect(quiet_page.locator("#campaign-status .status-badge")).to_have_text("Scheduled")
    expect(quiet_page.locator("[data-page-message]")).to_have_count(0)
    quiet_page.locator("#campaign-status").get_by_role("button", name="Unschedule").click()
    expect(quiet_page.locator("#campaign-status .status-badge")).to_have_text("Draft")


def test_a_step_asked_for_on_a_stale_page_renews_it_and_opens_no_dialog(quiet_page: Page):
    """The keyboard stays in the part that was renewed."""
    quiet_page.goto("/campaigns/")
    quiet_page.get_by_role("link", name="Coffee weeks").click()
    quiet_page.wait_for_url("**/campaigns/promotion/*/")
    other = quiet_page.context.new_page()
    other.goto(quiet_page.url)
    for page, button in ((other, "Pause"), (quiet_page, "Pause")):
        page.locator("#campaign-status").get_by_role("button", name=button).click()
        if page.get_by_role("dialog").is_visible() or page is other:
            page.get_by_role("dialog").get_by_role("button", name=button).click()
            expect(page.locator("#campaign-status .status-badge")).to_have_text("Paused")
            expect(page.locator("#campaign-status")).to_be_focused()
    expect(quiet_page.get_by_role("dialog")).not_to_be_visible()
    expect(quiet_page.locator("#campaign-status .status-badge")).to_have_text("Paused")
    expect(quiet_page.locator("#campaign-status [role=alert]")).to_contain_text("is paused")
    quiet_page.locator("#campaign-status").get_by_role("button", name="Resume").click()
    if quiet_page.get_by_role("dialog").is_visible():
        quiet_page.get_by_role("dialog").get_by_role("button", name="Resume").click()
    expect(quiet_page.locator("#campaign-status .status-badge")).to_have_text("Active")
