"""What a newcomer does first: connect servers, send, see bounces come in, read the report, send again, test.

The mail server is the hostile one; what it took and could not deliver comes back into a maildir.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ROOT, Product, open_section, wait_for_parts
from tests.browser.test_stories import follow_link
from tests.hostile_smtp import HostileSmtp, hostile_smtp
from tests.hostile_smtp.rules import Settings

LETTER = "Hello {{ first_name }}\n\n[Tea](https://shop.example/tea)\n\n[Leave]({{ unsubscribe_url }})"
READ = "from mailing.bounces import mailboxes; from mailing.models import BounceMailbox; \
mailboxes.read_mailbox(BounceMailbox.objects.get(name='Returned letters').pk)"

BOUNCE = """\
From: MAILER-DAEMON@mx.letters.example
To: returned@letters.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

--=_b
Content-Type: text/plain

The mail could not be delivered.

--=_b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.letters.example

Final-Recipient: rfc822; {address}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--=_b
Content-Type: message/rfc822

Message-ID: {message_id}

--=_b--
"""
RIDDLE = (
    "From: lee@far.example\nTo: returned@letters.example\nSubject: About your letter\n\nWhat do you mean?\n"
)


@pytest.fixture
def server():
    """A server that knows one recipient in fifty not, says so at once, and takes the others."""
    with hostile_smtp(Settings(rules=["rcpt of=0.02 550 5.1.1 No such user"])) as server:
        yield server


@pytest.fixture
def maildir(product: Product) -> Path:
    """An empty maildir where bounce mailboxes may read."""
    folder = Path(product.variables["VAR_DIR"]) / "maildirs" / "returned"
    for name in ("cur", "new", "tmp"):
        (folder / name).mkdir(parents=True)
    return folder


def connect_mailbox(page: Page) -> None:
    page.goto("/mailboxes/")
    page.get_by_role("link", name="New bounce mailbox").first.click()
    page.get_by_label("Name", exact=True).fill("Returned letters")
    page.get_by_label("Bounce address").fill("returned@letters.example")
    page.get_by_label("Sender domains").fill("letters.example")
    page.get_by_label("Read by").select_option(label="Maildir on this machine")
    expect(page.get_by_label("Host")).to_be_hidden()
    page.get_by_label("Folder").fill("returned")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Test now").click()
    expect(page.locator("#mailbox-test")).to_contain_text("It works.")


def connect_server(page: Page, port: int) -> None:
    page.goto("/connections/new/")
    page.get_by_label("Name", exact=True).fill("Letters")
    page.get_by_label("Host").fill("127.0.0.1")
    page.get_by_label("Port").fill(str(port))
    page.get_by_label("Encryption").select_option(label="None")
    page.get_by_label("Default sender address").fill("tea@letters.example")
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Send a test mail to").fill("me@letters.example")
    page.get_by_role("button", name="Send a test mail").click()
    expect(page.locator("#connection-test")).to_contain_text("It works.")


def write_letter(page: Page, name: str, connection: str) -> None:
    """Fill in a new campaign to the guests of events; it is not saved."""
    page.goto("/campaigns/email/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Sender name").fill("The tea shop")
    page.get_by_label("Sender address").fill("tea@letters.example")
    page.get_by_label("Subject").fill("Tea for you")
    page.get_by_label("Content", exact=True).fill(LETTER)
    open_section(page, "Audience")
    page.get_by_label("Event guests").select_option("include")
    open_section(page, "Delivery")
    page.get_by_label("SMTP connection").select_option(label=connection)


def launch(page: Page, name: str) -> None:
    """Save what is filled in and launch it."""
    page.locator(".save").get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    page.locator("#campaign-status").get_by_role("button", name="Launch").click()
    page.get_by_role("dialog").get_by_role("button", name="Launch").click()


def return_some(server: HostileSmtp, maildir: Path) -> list[str]:
    """Put bounces of three mails that the server took into the maildir, and a letter that nobody understands."""
    returned = [each for each in server.accepted if each.recipient != "me@letters.example"][:3]
    for each in returned:
        bounce = BOUNCE.format(address=each.recipient, message_id=each.message_id)
        (maildir / "new" / f"{each.number}.letters").write_text(bounce)
    (maildir / "new" / "riddle.letters").write_text(RIDDLE)
    return [each.recipient for each in returned]


def read_figure(page: Page, label: str) -> int:
    """Read a number of the bar of a campaign or of its report."""
    part = page.locator(".split-key > div").filter(has_text=re.compile(f"^{label}"))
    return int(part.locator("dd").inner_text().replace(",", ""))


@pytest.mark.timeout(900)  # with the start of the product, on a busy machine
def test_a_newcomer_sends_and_sees_what_comes_back(
    page: Page, product: Product, sign_in, server: HostileSmtp, maildir: Path
):
    sign_in("admin")
    connect_mailbox(page)
    connect_server(page, server.port)
    write_letter(page, "First letter", "Letters")
    launch(page, "First letter")
    status = page.locator("#campaign-status .status-badge")
    expect(status).to_have_text("Completed")
    campaign = page.url
    refused = read_figure(page, "Bounced")
    assert refused > 0, "the server said at once that it does not know some"

    returned = return_some(server, maildir)
    # the clock has it read once a minute: too long for a test
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-c", READ], cwd=ROOT, env=product.variables, check=True
    )
    page.goto("/suppressions/")
    for address in returned:
        expect(page.get_by_role("row", name=address)).to_contain_text("Hard bounce")
    page.get_by_role("link", name="Held reports").click()
    page.get_by_role("link", name="About your letter").click()
    page.get_by_role("button", name="Ignore").click()
    expect(page.get_by_role("heading", name="Nothing to decide")).to_be_visible()

    page.goto(campaign)
    page.get_by_role("link", name="Report", exact=True).click()
    assert read_figure(page, "Bounced") == refused + len(returned)
    page.get_by_label("State").select_option(label="Bounced")
    wait_for_parts(page)
    expect(page.locator("#deliveries tbody tr")).to_have_count(refused + len(returned))
    expect(page.locator("#deliveries")).to_contain_text("User unknown")

    page.get_by_role("link", name="Resend to those who did not click").click()
    page.get_by_role("dialog").get_by_role("button", name="Create the draft").click()
    expect(status).to_have_text("Draft")
    expect(page.locator("#readiness")).to_contain_text("Ready to send.")


@pytest.mark.timeout(900)
def test_an_ab_test_is_written_sent_and_decided(page: Page, sign_in):
    sign_in("marketer")
    write_letter(page, "Two subjects", "Mail catcher")
    open_section(page, "Content")
    page.get_by_label("Try variants on a part of the recipients first").check()
    page.get_by_label("One more subject").fill("Mocha for you")
    page.get_by_label("One more subject").press("Tab")
    variants = page.locator("#id_variants")
    expect(variants.get_by_role("row", name="B Mocha for you")).to_be_visible()
    wait_for_parts(page)
    page.get_by_label("Or a number of recipients").fill("20")
    page.get_by_label("Or a number of recipients").press("Tab")
    wait_for_parts(page)
    page.get_by_label("How the winner is chosen").select_option(label="I choose")
    wait_for_parts(page)
    expect(page.get_by_label("Or a number of recipients")).to_have_value("20")
    launch(page, "Two subjects")
    test = page.locator("#campaign-variants")
    expect(test).to_contain_text("The rest waits until you choose a variant.")
    expect(test).to_contain_text("Too early to tell: nobody has clicked yet.")
    campaign = page.url

    page.goto("/outbox/?q=Mocha for you")
    expect(page.locator("#caught tbody tr")).to_have_count(10)
    page.get_by_role("link", name="Mocha for you").first.click()
    link = page.frame_locator("iframe").get_by_role("link", name="Tea").get_attribute("href")
    assert follow_link(link) == "https://shop.example/tea"

    page.goto(campaign)
    row = test.get_by_role("row", name=re.compile("^B"))
    expect(row).to_contain_text("10.0%")
    row.get_by_role("link", name="Choose B").click()
    dialog = page.get_by_role("dialog", name="Send variant B to the rest?")
    expect(dialog).to_contain_text("The best so far is B: 10.0% of its 10 recipients clicked.")
    dialog.get_by_role("button", name="Send variant B").click()
    expect(page.locator("#campaign-status .status-badge")).to_have_text("Completed")
    expect(test).to_contain_text("variant B went to the rest")
    page.goto(f"{campaign}report/")
    expect(test.get_by_role("row", name=re.compile("^B"))).to_contain_text("Winner")
