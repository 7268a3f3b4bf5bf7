"""The visual builder: what it changes, and that it changes nothing else."""

import re

import pytest
from playwright.sync_api import Page, expect

from mailing.library.seeds import FOLDER
from tests.browser.axe import list_violations

KEPT = """<mjml>
  <mj-head><mj-attributes><mj-text font-size="20px" color="#224466" /></mj-attributes></mj-head>
  <mj-body background-color="#f4f4f4">
    <!-- a comment -->
    {% if city == "Wien" and score > 3 %}
    <mj-section padding-top="20px">
      <mj-column>
        <mj-text>Dear {{ first_name | default: "there" }}, <b>hi</b> &amp; bye</mj-text>
        <mj-button href='{{ x | default: "https://a.example/?a=1&amp;b=2" }}' align="center">Go</mj-button>
        <mj-table><tr><td>1</td></tr></mj-table>
        <mj-divider/>
      </mj-column>
    </mj-section>
    {% endif %}
    <mj-raw><p class=x>raw</p></mj-raw>
  </mj-body>
</mjml>"""


@pytest.fixture
def make_draft(page: Page, sign_in):
    """Make a draft with a body of MJML, and open the page of the builder."""

    def make(body: str) -> None:
        sign_in("marketer")
        page.goto("/campaigns/email/new/")
        page.get_by_label("Name", exact=True).fill("Built in the browser")
        page.get_by_label("Format").select_option("mjml")
        page.locator("#id_body").fill(body)
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_role("link", name="Edit", exact=True).first.click()
        page.get_by_role("link", name="Build visually").click()
        page.locator("#builder-data").wait_for(state="attached")

    return make


@pytest.fixture
def build(page: Page, make_draft):
    """Open the builder on a body, and return what is stored of it."""

    def open_builder(body: str) -> str:
        make_draft(body)
        page.locator("#builder[data-ready]").wait_for()
        return page.locator("#id_body").input_value()

    return open_builder


def frame(page: Page):
    return page.frame_locator("#builder iframe.gjs-frame")


def test_a_text_is_changed_and_all_else_is_as_it_was_written(page: Page, build):
    stored = build(KEPT)
    field = page.locator("#id_body")
    assert field.input_value() == stored == KEPT
    expect(frame(page).get_by_text('{% if city == "Wien" and score > 3 %}')).to_be_visible()
    frame(page).get_by_text("Dear").dblclick()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Good day {{ last_name }}")
    frame(page).get_by_text("<mj-table>").click()  # leaves the text
    written = re.compile(r"<mj-text>.*?</mj-text>", re.DOTALL)
    expect(field).to_have_value(re.compile("Good day"))
    now = field.input_value()
    assert "Good day {{ last_name }}" in written.search(now)[0]
    assert written.sub("", now, count=1) == written.sub("", stored, count=1)
    expect(page.locator("#save-state")).to_contain_text("Saved")
    undo = page.get_by_role("button", name="Undo")
    for _ in range(5):  # the editing of a text is more than one step
        undo.click()
        page.wait_for_timeout(800)
        if field.input_value() == stored:
            break
    expect(field).to_have_value(stored)
    expect(page.locator("#save-state")).to_have_attribute("data-state", "answered")
    page.reload()
    expect(field).to_have_value(stored)


def test_a_block_is_added_by_keyboard_and_stands_in_the_mail(page: Page, build):
    build(KEPT.replace('{% if city == "Wien" and score > 3 %}', "").replace("{% endif %}", ""))
    page.locator("#builder-blocks").get_by_role("button", name="Button", exact=True).press("Enter")
    field = page.locator("#id_body")
    expect(field).to_have_value(re.compile(r"<mj-divider/>\s*<mj-button[^>]*>Button</mj-button>"))
    expect(page.locator("#save-state")).to_contain_text("Saved")
    page.get_by_role("button", name="As it is sent").click()
    expect(page.frame_locator("#builder-look iframe").get_by_text("Button")).to_be_visible()
    page.get_by_role("link", name="Open the editor").click()
    expect(page.locator("#id_body")).to_have_value(re.compile(r">Button</mj-button>"))


def test_no_ready_template_or_block_is_changed_by_opening_it(page: Page, build):
    build(KEPT)
    bodies = [path.read_text() for path in sorted(FOLDER.glob("**/*.mjml"))]
    assert len(bodies) > 5
    for body in bodies:
        assert page.evaluate("body => builder.writeAgain(body)", body) == body


def test_what_it_cannot_read_is_named_with_its_line_and_nothing_is_changed(page: Page, make_draft):
    body = '<mjml>\n<mj-body>\n<mj-section {% if vip %}padding="0"{% endif %}>\n</mj-section>\n</mj-body>\n</mjml>'
    make_draft(body)
    trouble = page.get_by_role("alert").filter(has_text="cannot read this source")
    expect(trouble).to_contain_text('Line 3: <mj-section {% if vip %}padding="0"{% endif %}>')
    assert page.locator("#id_body").input_value() == body


def test_the_page_around_it_is_accessible(page: Page, build):
    build(KEPT)
    parts = (".title", ".builder-bar", "#builder-blocks", ".save")
    for part in parts:
        assert page.locator(part).count()
    assert [*list_violations(page, ", ".join(parts))] == []
