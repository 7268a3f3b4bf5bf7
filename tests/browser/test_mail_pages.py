"""What a marketer does before a mail goes out, in a real browser: import, contacts, segment, editor."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import wait_for_parts

PEOPLE = """Contact;First name;Favourite
kim@browser.example;Kim;oolong
lee@browser.example;Lee;matcha
nonsense;X;y
"""


def test_a_file_is_imported_by_choosing_its_columns(page: Page, sign_in, tmp_path):
    file = tmp_path / "people.csv"
    file.write_text(PEOPLE)
    sign_in("marketer")
    page.get_by_role("link", name="Contacts", exact=True).click()
    page.get_by_role("link", name="Import contacts").click()
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_label("What “Contact” is")).to_have_value("email")
    page.get_by_label("What “First name” is").select_option("First name")
    expect(page.get_by_label("Name of the attribute “First name”")).to_be_hidden()
    page.get_by_label("Name of the attribute “Favourite”").fill("drink")
    page.get_by_label("Or a new list named").fill("Tasting in the browser")
    page.get_by_role("button", name="Check the file").click()

    start = page.get_by_role("button", name="Import 2 contacts")
    expect(start).to_be_visible()
    expect(page.get_by_text("“nonsense” is not an e-mail address.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download skipped rows (CSV)").click()
    assert "nonsense,X,y," in download.value.path().read_text()
    start.click()
    page.get_by_role("link", name="Show the contacts of the list").click()
    expect(page.get_by_role("row")).to_have_count(3)

    page.get_by_role("link", name="kim@browser.example").click()
    expect(page.get_by_text("oolong")).to_be_visible()
    page.get_by_label("Campaign", exact=True).select_option(label="Ideas for the new year (draft)")
    expect(page.locator("#why-answer")).to_contain_text("They are in none of its lists and segments.")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("City").fill("Husum")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Husum", exact=True)).to_be_visible()
    page.get_by_role("link", name="Delete").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The contact is deleted permanently")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status").first).to_contain_text("is deleted")


def test_a_segment_counts_while_it_is_built(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/segments/new/")
    count = page.locator("#segment-count")
    expect(count).to_contain_text("contacts match now")
    everybody = count.locator("strong").inner_text()
    page.get_by_label("Name", exact=True).fill("Somewhere in the south")
    page.locator("#t-add").click()
    page.locator("#t-0-value").fill("wien")
    expect(count.locator("strong")).not_to_have_text(everybody)
    in_vienna = int(count.locator("strong").inner_text().replace(",", ""))
    page.locator("#t-nest").click()
    page.locator("#t-1-0-value").fill("graz")
    page.locator("#t-group").select_option("any of these")
    expect(count.locator("strong")).not_to_have_text(f"{in_vienna:,}")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("row", name="Somewhere in the south").get_by_role("link", name="Contacts").click()
    expect(page.get_by_role("cell", name="Wien").first).to_be_visible()


def test_the_editor_shows_the_mail_while_it_is_typed(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/email/new/")
    steps_back = page.evaluate("history.length")
    page.get_by_label("Subject").fill("Tea for {{ first_name }}")
    page.get_by_label("Content", exact=True).fill("# Hello {{ first_name }}\n\nThe kettle is on.")
    head, mail = page.locator("#preview-head"), page.frame_locator("#preview-holder iframe:not(.loading)")
    expect(head).to_contain_text("Tea for ")
    expect(mail.get_by_text("The kettle is on.")).to_be_visible()

    suggested = page.locator("#contact-options option")
    page.get_by_label("As the contact").clear()  # it names whom the preview is of
    page.get_by_label("As the contact").press_sequentially("zo")
    expect(suggested.first).to_have_attribute("value", re.compile("^zo"))
    address = suggested.first.get_attribute("value")
    page.get_by_label("As the contact").fill(address)
    expect(head).to_contain_text(f"to {address}")

    frames = page.locator("#preview-holder iframe")  # two while the next preview is loading
    expect(frames).to_have_count(1)
    wide = frames.bounding_box()["width"]
    page.get_by_text("Phone", exact=True).click()
    assert frames.last.bounding_box()["width"] == 375 < wide

    page.get_by_label("Content", exact=True).fill("Hello\n\n{{ first_name | shout }}")
    expect(head).to_contain_text("Body, line 3")
    expect(page.locator("#preview-holder")).to_have_class(re.compile("stale"))
    page.get_by_label("Content", exact=True).fill("All is well again.")
    expect(mail.get_by_text("All is well again.")).to_be_visible()
    expect(frames).to_have_count(1)
    assert page.evaluate("history.length") == steps_back, "no keystroke is a page to go back to"


def test_a_mail_is_saved_though_its_preview_comes_at_the_same_moment(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/email/new/")
    page.get_by_label("Name", exact=True).fill("Saved and shown at once")
    page.get_by_label("Sender address").fill("shop@example.com")
    page.get_by_label("Subject").fill("Tea")
    wait_for_parts(page)
    page.evaluate(
        """() => {
          document.querySelector(".save button").click();
          const head = document.getElementById("preview-head");
          htmx.trigger(head, "htmx:afterSwap", { target: head });
        }"""
    )
    expect(page.get_by_role("heading", name="Saved and shown at once", exact=True)).to_be_visible()


def test_merge_tags_of_another_program_are_converted_when_the_writer_agrees(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/email/new/")
    page.locator("#id_body_format").select_option("html")
    body, offer = page.get_by_label("Content", exact=True), page.locator("#foreign-tags")
    pasted = '<p>Dear *|FNAME|*,</p>\n<p><a href="*|UNSUB|*">Leave</a></p>'
    page.get_by_label("Subject").fill("For *|FNAME|*")
    body.fill(pasted)
    row = offer.get_by_role("row", name="*|FNAME|*")
    expect(row).to_contain_text("{{ first_name }}")
    expect(body).to_have_value(pasted)

    offer.get_by_role("button", name="Cancel").click()
    expect(offer).to_be_hidden()
    expect(body).to_be_focused()
    expect(body).to_have_value(pasted)
    with page.expect_response(re.compile("preview/head/")):
        body.press("End")
        body.press_sequentially(" ")
    page.wait_for_load_state("networkidle")
    expect(offer).to_be_hidden()

    with page.expect_response(re.compile("preview/head/")):
        body.fill(pasted + "<p>*|LNAME|*</p>")
    offer.get_by_role("button", name="Convert").click()
    expect(page.get_by_text("Converted. Nothing is saved yet.")).to_be_visible()
    expect(body).to_have_value(re.compile(r"Dear \{\{ first_name.*\n.*\{\{ unsubscribe_url.*\{\{ last_name"))
    expect(page.get_by_label("Subject")).to_have_value(re.compile(r"For \{\{ first_name"))
    mail = page.frame_locator("#preview-holder iframe:not(.loading)")
    expect(mail.get_by_text("Dear ")).to_be_visible()
    expect(offer).to_have_count(0)
