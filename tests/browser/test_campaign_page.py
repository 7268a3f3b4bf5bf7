"""The page of an e-mail campaign before it goes out: test mails, preview, and what others do meanwhile."""

import http.server
import re
import threading

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Product, open_context, open_section

DOT = bytes.fromhex("47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b")


@pytest.fixture
def page(browser: Browser, product: Product):
    """A fresh page, whose console may tell of refused forms and of pictures that were not loaded."""
    context = open_context(browser, product)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def pictures():
    """A server of pictures, and which were asked for."""
    asked: list[str] = []

    class Pictures(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "image/gif")
            self.end_headers()
            self.wfile.write(DOT)

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def make_draft(
    page: Page, name: str, body: str = "Hello {{ unsubscribe_url }}", connection: str = "Mail catcher"
):
    page.goto("/campaigns/email/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.locator("#id_from_email").fill("shop@example.com")
    page.get_by_label("Subject").fill("Tea")
    page.locator("#id_body_format").select_option("html")
    page.get_by_label("Content", exact=True).fill(body)
    open_section(page, "Audience")
    page.get_by_label("Coffee club").select_option("include")
    open_section(page, "Delivery")
    page.locator("#id_connection").select_option(label=connection)
    page.locator(".save button[type=submit]").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_a_test_mail_is_answered_where_it_is_asked_for(page: Page, sign_in):
    sign_in("marketer")
    make_draft(page, "Letter to test", connection="Choose a connection")
    page.evaluate("window.isSamePage = true")
    to, send = page.locator("#test #id_to"), page.get_by_role("button", name="Send the test")
    for typed, said in [
        ("ada@, x", "is not an e-mail address"),
        ("ada@shop.example", "Choose an SMTP connection"),
    ]:
        to.fill(typed)
        send.click()
        expect(page.locator("#test")).to_contain_text(re.compile(said))
        expect(to).to_have_value(typed)
        expect(page.locator("#test")).to_be_in_viewport()
    assert page.evaluate("window.isSamePage"), "the page was not loaded anew"


def check_is_desktop(frame: Locator) -> None:
    """The mail has the width of a desktop and is seen whole: where there is less room it is drawn smaller."""
    assert frame.evaluate("frame => frame.clientWidth") >= 600
    seen, holder = frame.bounding_box(), frame.locator("..").bounding_box()
    assert seen["width"] <= holder["width"] + 1


@pytest.mark.parametrize("width", [1440, 390])
def test_the_preview_is_as_wide_as_a_desktop_and_shows_pictures_when_asked(
    page: Page, sign_in, pictures, width
):
    address, asked = pictures
    page.set_viewport_size({"width": width, "height": 900})
    sign_in("marketer")
    picture = f'<img src="{address}/tea.gif" alt=""> <a href="{{{{ unsubscribe_url }}}}">Leave</a>'
    make_draft(page, f"Letter with a picture {width}", picture)
    frame = page.locator("#preview iframe")
    frame.scroll_into_view_if_needed()
    expect(page.frame_locator("#preview iframe").get_by_text("Leave")).to_be_visible()
    check_is_desktop(frame)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert asked == []
    with page.expect_request(f"{address}/tea.gif"):
        page.get_by_label("Show images").check()
        expect(page.locator("#preview iframe[src*='pictures=on']")).to_be_visible()
        page.locator("#preview iframe").scroll_into_view_if_needed()
    page.frame_locator("#preview iframe").get_by_text("Leave").wait_for()
    page.get_by_role("link", name="Edit").first.click()
    page.get_by_label("Show images").scroll_into_view_if_needed()
    expect(page.locator("#preview-holder iframe.loading")).to_have_count(0)
    assert asked == ["/tea.gif"], "asked for once, and not by the editor, where nobody allowed it yet"
    with page.expect_request(f"{address}/tea.gif"):
        page.get_by_label("Show images").check()
    check_is_desktop(page.locator("#preview-holder iframe").last)


def test_nothing_asks_whether_a_running_campaign_is_ready(page: Page, sign_in):
    sign_in("marketer")
    make_draft(page, "Letter in two tabs")
    expect(page.get_by_text("Ready to launch?")).to_be_visible()
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_role("button", name="Launch").click()
    other.get_by_role("dialog").get_by_role("button", name="Launch").click()
    for tab in (other, page):
        expect(tab.get_by_text("Ready to launch?")).to_have_count(0)
        expect(tab.locator("#campaign-progress.card")).to_be_visible()
