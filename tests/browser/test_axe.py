"""axe-core finds nothing on any kind of page or dialog; nothing is wider than its window; a story by keyboard alone."""

import re
import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from django.urls import Resolver404, resolve
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import RUN, list_unreadable, list_violations, read_axe
from tests.browser.conftest import Product, open_context

# parts of pages and files, of which no link is to a whole page
NO_PAGES = {
    "campaigns:live_campaigns", "mailing:caught_mail_frame", "mailing:contact_csv", "mailing:contact_suggestions",
    "mailing:held_report_frame", "mailing:weeks_csv", "mailing:compare_csv",
    "mailing:contact_json", "mailing:contact_data_csv",
    "mailing:builder",  # most of it is drawn by GrapesJS; its own parts in test_builder.py
    "mailing:report_csv", "mailing:suppression_csv", "pos:openapi", "promotions:coupons_export",
    "promotions:promotion_report_csv", "promotions:batch_switch", "mailing:upload_rejected",
}  # fmt: skip
WITH_A_TEST_OF_ITS_OWN = "tills:reference"
MENU_ENTRIES = 14
LINKS = "a[href^='/'], form[method=get][action^='/']"


def name_kind(address: str) -> str:
    """Name the view behind an address, with the step that it asks about; nothing where it is none of ours."""
    try:
        found = resolve(urlsplit(address).path)
    except Resolver404:
        return ""
    if found.app_names == ["admin"]:
        return ""
    return f"{found.view_name} {found.kwargs.get('verb', '')}".strip()


def list_links(page: Page) -> list[str]:
    links: list[str] = page.eval_on_selector_all(
        LINKS, "all => all.map(one => one.getAttribute('href') ?? one.getAttribute('action'))"
    )
    return [link.partition("#")[0] for link in links]


def list_openers(page: Page) -> Iterator[tuple[str, Locator]]:
    """Yield the kind and the button or link of each dialog that can be opened from the page."""
    for opener in page.locator("main [hx-target='#ask']:visible").all():
        button = opener.locator("button")
        yield name_kind(opener.get_attribute("hx-get") or ""), button if button.count() else opener


def find_status(page: str) -> str:
    """Find the state that the page of a campaign shows."""
    found = re.search(r'id="campaign-status".*?class="status-badge"[^>]*>([^<]*)<', page, re.DOTALL)
    assert found, page
    return found[1]


def test_among_rows_alike_axe_finds_the_one_that_differs_and_all_rows_stay(browser):
    row = '<tr><td class="{}"><a href="/{}">{}</a></td></tr>'
    rows = [row.format("clear", n, f"Row {n}") for n in range(6)]
    rows += [row.format("clear", 7, ""), row.format("pale", 8, "Row 8")]
    page = browser.new_page()
    page.set_content(
        f"<style>.pale a {{ color: #eee }}</style><main><h1>x</h1><table>{''.join(rows)}</table></main>"
    )
    page.evaluate(read_axe())
    found = page.evaluate(RUN, [None, []])
    assert {fault.partition(":")[0] for fault in found if " a" in fault} >= {"link-name", "color-contrast"}
    assert page.locator("tr").count() == len(rows)
    page.close()


STATES = {"Draft", "Paused"}  # of campaigns, that the walk meets whatever other tests have made


# one walk over some fifty kinds of page, each at two widths: 400 to 600 s when busy
@pytest.mark.timeout(2000)
def test_axe_finds_nothing_on_any_kind_of_page_or_in_any_dialog(page: Page, product: Product, sign_in):
    send_mail_to_the_catcher(product)
    page.goto("/login/")
    wrong = [*list_violations(page)]
    sign_in("admin")
    page.wait_for_url(f"{product.address}/")
    menu = page.eval_on_selector_all("nav a[href^='/']", "all => all.map(one => one.getAttribute('href'))")
    assert len(set(menu)) >= MENU_ENTRIES
    waiting, kinds, dialogs = [*menu, "/account/password/"], set(), set()
    for address in waiting:  # grows while it is walked
        kind = name_kind(address)
        # asked for without being drawn: most are in a state that was walked before
        if kind.endswith(":campaign"):
            kind += f" {find_status(page.request.get(address).text())}"
        if not kind or kind in kinds or kind in NO_PAGES or kind == WITH_A_TEST_OF_ITS_OWN:
            continue
        kinds.add(kind)
        page.goto(address)
        waiting += [link for link in list_links(page) if link not in waiting]
        wrong += [f"{address}: {fault}" for fault in (*list_violations(page), *list_unreadable(page))]
        for dialog, opener in list_openers(page):
            if dialog in dialogs:
                continue
            dialogs.add(dialog)
            opener.click()
            expect(page.get_by_role("dialog")).to_be_visible()
            wrong += [f"{address}, {dialog}: {violation}" for violation in list_violations(page, "#ask")]
            page.keyboard.press("Escape")
    assert wrong == [], "\n".join(wrong)
    assert {kind.partition(" ")[2] for kind in kinds if ":campaign " in kind} >= STATES
    assert {
        *(f"campaigns:fire {verb}" for verb in ("cancel", "end_early", "launch", "pause", "schedule")),
        "mailing:contact_delete", "mailing:list_delete", "mailing:suppression_delete", "promotions:batch_switch",
    } <= dialogs  # fmt: skip


def test_the_search_is_opened_and_walked_by_keyboard_alone(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/contacts/")
    page.locator("h1").wait_for()
    page.keyboard.press("/")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("coffee weeks")
    expect(dialog.get_by_role("link")).to_have_count(1)
    assert [*list_violations(page, "#search")] == []
    page.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Coffee weeks")).to_be_visible()


def test_what_is_typed_into_the_search_in_the_moment_it_opens_is_searched_for(page: Page, sign_in):
    """A busy browser hands over keys before timers: nothing that hears them may wait for one."""
    sign_in("marketer")
    page.goto("/contacts/")
    page.evaluate("""() => {
        const open = HTMLDialogElement.prototype.showModal;
        HTMLDialogElement.prototype.showModal = function () {
            open.call(this);
            const field = this.querySelector("input[type=search]");
            field.value = "coffee weeks";
            field.dispatchEvent(new Event("input", { bubbles: true }));
        };
    }""")
    page.keyboard.press("/")
    expect(page.get_by_role("dialog").get_by_role("link")).to_have_count(1)


def send_mail_to_the_catcher(product: Product) -> None:
    """Have one mail in the outbox."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "us@shop.example", "kim@browser.example", "For the outbox"
    mail.set_content("Hello Kim")
    with smtplib.SMTP("127.0.0.1", int(product.variables["MAIL_PORT"])) as server:
        server.send_message(mail)


def test_axe_finds_nothing_in_the_till_api_with_its_calls_opened(page: Page, sign_in):
    """One call of each method: together the eight have thousands of elements, all of the same kinds."""
    sign_in("admin")
    page.goto("/till-api/")
    expect(page.locator(".opblock")).to_have_count(8)
    for method in ("get", "post", "put"):
        page.locator(f".opblock-{method} .opblock-summary-control").last.click()
    expect(page.locator(".responses-table")).to_have_count(3)
    assert [*list_violations(page)] == []


@pytest.mark.parametrize(
    "address", ["/admin/", "/admin/auth/user/", "/admin/mailing/contact/", "/admin/pos/till/1/change/"]
)
def test_axe_finds_nothing_in_the_administration(page: Page, sign_in, address):
    sign_in("admin")
    page.goto(address)
    assert [*list_violations(page)] == []


def test_axe_finds_nothing_on_any_step_of_an_import(page: Page, sign_in, tmp_path):
    file = tmp_path / "guests.csv"
    file.write_text("Contact;First name;Favourite\nana@guests.example;Ana;oolong\nnonsense;X;y\n")
    sign_in("marketer")
    page.goto("/contacts/import/")
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.get_by_label("Or a new list named").fill("Guests of the walk")
    wrong = [*list_violations(page)]
    page.get_by_role("link", name="Discard").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    wrong += list_violations(page, "#ask")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Check the file").click()
    start = page.get_by_role("button", name="Import 1 contact")
    expect(start).to_be_visible()
    wrong += list_violations(page)
    start.click()
    expect(page.get_by_role("link", name="Show the contacts of the list")).to_be_visible()
    wrong += list_violations(page)

    page.goto("/suppressions/import/")
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("button", name="Suppress 1 address")).to_be_visible()
    wrong += list_violations(page)
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("address", ["/u/nonsense", "/no-such-page/"])
def test_axe_finds_nothing_on_pages_for_strangers(product: Product, browser, address):
    context = open_context(browser, product)
    page = context.new_page()
    page.goto(address)
    assert [*list_violations(page)] == []
    context.close()


FOCUSED = """() => {
  const { labels, textContent } = document.activeElement;
  return (labels?.[0] ?? { textContent }).textContent.replace("*", "").trim();
}"""


def press_through(page: Page, name: str) -> None:
    """Go on by Tab from where the focus is until the link or button `name` has it, and press it."""
    tab_to(page, name)
    page.keyboard.press("Enter")


def tab_to(page: Page, name: str) -> None:
    """Go on by Tab until the link, the button or the field labelled `name` has the focus."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED) == name:
            return
    pytest.fail(f"{name!r} was not reached by keyboard")


def test_a_campaign_is_paused_and_resumed_by_keyboard_alone(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/")
    page.get_by_role("link", name="Coffee weeks").click()
    status = page.locator("#campaign-status")
    status.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_be_focused()
    press_through(page, "Pause")
    expect(status.locator(".status-badge")).to_have_text("Paused")
    expect(status).to_be_focused()
    press_through(page, "Resume")
    expect(status.locator(".status-badge")).to_have_text("Active")
    expect(status).to_be_focused()


def test_a_mail_is_written_and_launched_by_keyboard_alone(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/email/new/")
    fields = {
        "Name": "Letter by keyboard",
        "Sender name": "The shop",
        "Sender address": "shop@example.com",
        "Subject": "Keys",
        "Content": "Hello [Leave]({{ unsubscribe_url }})",
        "Continue: Audience": "\n",
        "Coffee club": "I",  # include
        "Continue: Offer": "\n",
        "Continue: Delivery": "\n",
        "SMTP connection": "M",  # the mail catcher
    }
    for name, keys in fields.items():
        tab_to(page, name)
        page.keyboard.type(keys)
    press_through(page, "Save")
    expect(page.get_by_role("heading", name="Letter by keyboard", exact=True)).to_be_visible()
    press_through(page, "Launch")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_be_focused()
    press_through(page, "Launch")
    status = page.locator("#campaign-status")
    expect(status.locator(".status-badge")).to_have_text(re.compile("Running|Completed"))
    expect(status).to_be_focused()
