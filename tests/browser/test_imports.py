"""Imports on the running product in a real browser: stopped while they run, gone on with; suppressions tried first."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from config import embedded_postgres
from mailing.importing.steps import BATCH_ROWS
from tests.browser.conftest import Product

PIECES = 4


def address(number: int) -> str:
    return f"visitor{number:06}@fair.example"


@contextmanager
def waiting_at(product: Product, email: str) -> Iterator[None]:
    """Meanwhile nobody can store a contact with this address: this transaction is about to, and then does not."""
    server = embedded_postgres.Server(Path(product.variables["VAR_DIR"]))
    with server.connect(embedded_postgres.NAME) as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "INSERT INTO mailing_contact (email, first_name, last_name, phone, city, country, attributes, created_at, "
            "updated_at) VALUES (%s, '', '', '', '', '', '{}', now(), now())",
            [email],
        )
        yield


def test_an_import_is_stopped_at_the_row_it_is_at_and_goes_on_from_there(
    page: Page, product: Product, sign_in, tmp_path
):
    file = tmp_path / "fair.csv"
    file.write_text("email\n" + "".join(f"{address(number)}\n" for number in range(PIECES * BATCH_ROWS)))
    sign_in("marketer")
    page.goto("/contacts/import/")
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    page.get_by_label("Or a new list named").fill("Visitors of the fair")
    page.get_by_role("button", name="Check the file").click()
    upload = page.locator("#upload")
    with waiting_at(product, address(BATCH_ROWS)):
        page.get_by_role("button", name=f"Import {PIECES * BATCH_ROWS:,} contacts").click()
        expect(upload).to_contain_text(f"{BATCH_ROWS:,} of {PIECES * BATCH_ROWS:,}")
        upload.get_by_role("link", name="Stop").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("What has been imported is kept.")
        with page.expect_request(re.compile(r"/stop/$")):
            dialog.get_by_role("button", name="Stop").click(no_wait_after=True)
    expect(upload).to_contain_text("It was stopped after row")
    stopped_at = int(
        re.search(r"stopped after row ([\d,]+)\.", upload.inner_text()).group(1).replace(",", "")
    )
    assert stopped_at in range(BATCH_ROWS, PIECES * BATCH_ROWS, BATCH_ROWS)
    expect(page.get_by_role("link", name="Skip the rest")).to_be_visible()
    page.goto("/contacts/")
    page.get_by_label("List").select_option("Visitors of the fair")
    expect(page.locator("#contacts")).to_contain_text(f"{stopped_at:,} contacts")

    page.goto("/contacts/import/")
    page.get_by_role("link", name="fair.csv").click()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="Show the contacts of the list").click()
    expect(page.locator("#contacts")).to_contain_text(f"{PIECES * BATCH_ROWS:,} contacts")


def test_suppressions_are_tried_before_anybody_is_suppressed(page: Page, sign_in, tmp_path):
    file = tmp_path / "gone.csv"
    file.write_text(
        "Address;Since\nada@gone.example;2020\nnonsense;2021\nADA@gone.example;2022\nbob@gone.example;\n"
    )
    sign_in("marketer")
    page.get_by_role("link", name="Suppressions", exact=True).click()
    page.get_by_role("link", name="Import", exact=True).click()
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_label("Reason").select_option("Complaint")
    page.get_by_label("Note").fill("From the old system")
    page.get_by_role("button", name="Upload").click()

    start = page.get_by_role("button", name="Suppress 2 addresses")
    expect(start).to_be_visible()
    expect(page.get_by_text("“nonsense” is not an e-mail address.")).to_be_visible()
    expect(page.get_by_role("link", name="Suppressions", exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    tried = page.url
    page.get_by_role("link", name="Suppressions", exact=True).click()
    page.get_by_label("Address", exact=True).fill("gone.example")
    expect(page.get_by_text("No suppressed address matches")).to_be_visible()

    page.goto(tried)
    start.click()
    page.get_by_role("link", name="Show the suppressions").click()
    page.get_by_label("Address", exact=True).fill("gone.example")
    expect(page.locator("#suppressions")).to_contain_text("2 addresses")
    row = page.get_by_role("row", name="ada@gone.example")
    expect(row).to_contain_text("From the old system")
    expect(row).to_contain_text("Complaint")
