"""What mails are made of: pictures, templates, blocks, the insert menu and the source editor, in a browser."""

import io
import re

from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.axe import list_violations
from tests.browser.conftest import wait_for_parts


def draw_photograph() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (1600, 900), "teal").save(made, "JPEG")
    return made.getvalue()


def upload_photograph(page: Page, alt: str) -> None:
    page.locator("#id_file").set_input_files(
        {"name": "sea.jpg", "mimeType": "image/jpeg", "buffer": draw_photograph()}
    )
    page.get_by_label("Alt text").fill(alt)


def test_a_picture_is_uploaded_and_chosen_in_the_editor(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/pictures/new/")
    wrong = [*list_violations(page)]
    upload_photograph(page, "The sea")
    page.get_by_role("button", name="Upload").click()
    picture = page.get_by_role("img", name="The sea")
    expect(picture).to_be_visible()
    assert picture.evaluate("picture => picture.complete && picture.naturalWidth") == 1200
    wrong += list_violations(page)
    page.get_by_role("link", name="Edit sea").click()
    wrong += list_violations(page)

    page.goto("/campaigns/email/new/")
    page.locator("#id_body").fill("Before after")
    page.locator("#id_body").evaluate("field => field.setSelectionRange(7, 7)")
    page.get_by_role("link", name="Picture", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_be_focused()
    wrong += list_violations(page, "#ask")
    dialog.get_by_role("button", name="sea").click()
    expect(dialog).to_be_hidden()
    written = page.locator("#id_body").input_value()
    assert written.startswith("Before ![The sea](http")
    assert written.endswith(".jpg)after")
    assert page.locator("#id_pictures").is_checked()
    assert wrong == [], "\n".join(wrong)


def test_the_insert_menu_works_by_keyboard(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/email/new/")
    page.locator("#id_body").fill("Dear ")
    page.locator("#insert > summary").focus()
    page.keyboard.press("Enter")
    entry = page.get_by_role("button", name="first_name")
    expect(entry).to_be_visible()
    assert [*list_violations(page)] == []
    entry.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#id_body")).to_have_value('Dear {{ first_name | default: "there" }}')
    expect(page.locator("#id_body")).to_be_focused()
    page.keyboard.press("Control+z")
    expect(page.locator("#id_body")).to_have_value("Dear ")


def test_a_mail_begins_with_a_template_and_takes_a_block(page: Page, sign_in):
    sign_in("marketer")
    wrong = []
    for address in ("/templates/", "/blocks/", "/templates/new/"):
        page.goto(address)
        wrong += list_violations(page)
    page.goto("/campaigns/email/new/")
    page.get_by_role("link", name="Begin with a template").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("link", name="Newsletter")).to_be_visible()
    wrong += list_violations(page, "#ask")
    dialog.get_by_role("link", name="Newsletter").click()
    expect(page.get_by_label("Subject")).to_have_value("What is new this month")
    body = page.locator("#id_body")
    assert body.input_value().startswith("<mjml>")
    body.evaluate(
        "field => { const at = field.value.indexOf('</mj-body>'); field.setSelectionRange(at, at); }"
    )
    page.locator("#insert > summary").click()
    page.locator("#insert").get_by_role("button", name="Header").click()
    expect(body).to_have_value(re.compile("Your shop.*</mj-section>\\s*</mj-body>", re.DOTALL))
    assert wrong == [], "\n".join(wrong)


def test_the_source_editor_colours_what_is_typed_and_the_field_follows(page: Page, sign_in):
    refused = []
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    sign_in("marketer")
    page.goto("/campaigns/email/new/")
    page.get_by_label("Format").select_option("html")
    page.locator("#id_body").fill("<p>Hello</p>")
    page.get_by_role("button", name="Lines and colours").click()
    editor = page.get_by_role("textbox", name="Content")
    expect(editor).to_contain_text("<p>Hello</p>")
    assert [*list_violations(page)] == []
    tag, text = editor.locator("span", has_text="p").first, editor.locator(".cm-line").first
    colour = "each => getComputedStyle(each).color"
    assert tag.evaluate(colour) != text.evaluate(colour), "its styles are refused"
    editor.press("Control+End")
    page.keyboard.type("<b>x</b>")
    expect(page.locator("#id_body")).to_have_value("<p>Hello</p><b>x</b>")
    page.locator("#insert > summary").click()
    page.locator("#insert").get_by_role("button", name="Unsubscribe").click()
    expect(page.locator("#id_body")).to_have_value(
        re.compile('</b><a href="{{ unsubscribe_url }}">', re.DOTALL)
    )
    page.get_by_role("button", name="Lines and colours").click()
    expect(page.locator("#id_body")).to_be_visible()
    assert refused == []


def test_the_line_of_a_fault_is_one_click_away(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/email/new/")
    page.locator("#id_body").fill("one\ntwo\n{% if %}\nfour")
    page.get_by_role("link", name="It cannot be shown yet.").click()
    expect(page.locator("#id_body")).to_be_focused()
    chosen = "field => field.value.slice(field.selectionStart, field.selectionEnd)"
    assert page.locator("#id_body").evaluate(chosen) == "{% if %}"


def test_the_contents_of_an_ab_test_have_the_source_editor_and_the_insert_menu(page: Page, sign_in):
    sign_in("marketer")
    page.goto("/campaigns/email/new/")
    page.get_by_label("Name", exact=True).fill("Two contents")
    page.get_by_label("Subject").fill("Tea")
    page.locator("#id_body").fill("The first")
    page.get_by_role("button", name="Lines and colours").click()
    page.get_by_label("Try variants on a part of the recipients first").check()
    more = page.locator("#variant-contents .cm-editor").last.get_by_role("textbox", name="One more content")
    more.click()
    page.keyboard.type("Dear ")
    page.locator("#insert-variant > summary").click()
    page.locator("#insert-variant").get_by_role("button", name="first_name").click()
    expect(more).to_have_text('Dear {{ first_name | default: "there" }}')
    expect(page.locator("#id_body")).to_have_value("The first")
    page.get_by_label("One more subject").focus()  # whoever leaves a content sees the variants that it makes
    expect(page.get_by_role("row", name="B Tea")).to_be_visible()
    second = page.locator("#variant-contents .cm-editor").first.get_by_role("textbox", name="Content 2")
    expect(second).to_have_text('Dear {{ first_name | default: "there" }}')
    wait_for_parts(page)
    assert [*list_violations(page, "#id_variants")] == []
    second.click()
    page.keyboard.press("ControlOrMeta+End")
    page.keyboard.type(", good day")
    page.get_by_role("button", name="Lines and colours").click()
    expect(page.get_by_label("Content 2")).to_have_value('Dear {{ first_name | default: "there" }}, good day')
    page.locator(".save").get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Edit", exact=True).first.click()
    expect(page.get_by_label("Content 2")).to_have_value('Dear {{ first_name | default: "there" }}, good day')
