"""A mail looks as its author's HTML does: each body is drawn as it was written and as it is sent, and compared.

To copy style sheets into attributes, to count clicks and opens, and to fill in values must not move one pixel.
"""

import pytest
from playwright.sync_api import Browser, Page

from mailing.content import Links, Recipient, Source, compile
from mailing.views.tracking import PIXEL
from tests.browser.mail_bodies import list_bodies

LINKS = Links("https://mail.shop.test", "token")
ADA = Recipient("ada@example.test", {}, "Ada")
IN_A_ROW = 10  # frames of one picture
HEIGHT = 600

PAGE = "<!DOCTYPE html><style>body{margin:0;white-space:nowrap;font-size:0}iframe{border:0}</style>"
# Blobs, since a frame of `srcdoc` is never drawn as old browsers did, whatever its doctype says
DRAW = """async ([bodies, width, height]) => {
  const frames = bodies.map((body) => {
    const frame = document.createElement("iframe");
    const src = URL.createObjectURL(new Blob([body], { type: "text/html;charset=utf-8" }));
    Object.assign(frame, { src, width, height });
    return frame;
  });
  const loaded = frames.map((frame) => new Promise((done) => (frame.onload = done)));
  document.body.replaceChildren(...frames);
  await Promise.all(loaded);
}"""
DIFFERENCES = """() => {
  const [before, after] = [...document.querySelectorAll("iframe")].map((frame) =>
    [...frame.contentDocument.body.querySelectorAll("*")].filter((each) => !each.matches("img[src*='/t/o/']")));
  return before.flatMap((element, place) => {
    const [was, is] = [element, after[place]].map((each) => each && getComputedStyle(each));
    if (!is) return [`${element.outerHTML.slice(0, 80)} is missing`];
    return [...was].filter((name) => was[name] !== is[name])
      .map((name) => `${after[place].outerHTML.slice(0, 150)} ${name}: ${was[name]} became ${is[name]}`).slice(0, 3);
  }).slice(0, 5);
}"""


def draw(page: Page, bodies: list[str], width: int) -> bytes:
    """Return the picture of the bodies in frames side by side."""
    page.set_viewport_size({"width": width * len(bodies), "height": HEIGHT})
    page.evaluate(DRAW, [bodies, width, HEIGHT])
    return page.screenshot(animations="disabled")


def send(body: str) -> str:
    source = Source(subject="News", from_email="news@shop.test", from_name="The Shop", body=body)
    return compile(source).preview(ADA, LINKS).html


def fill_in(body: str) -> str:
    return body.replace("{{ first_name }}", "Ada").replace("{{ unsubscribe_url }}", "https://shop.test/")


@pytest.fixture(scope="module")
def bodies() -> list[tuple[str, str, str]]:
    """Return the name of each body, and its HTML as it was written and as it is sent."""
    return [(name, fill_in(body), send(body)) for name, body in list_bodies()]


@pytest.mark.parametrize(
    ("width", "scheme"), [(600, "light"), (1000, "light"), (390, "light"), (600, "dark")]
)
def test_no_mail_looks_other_than_it_was_written(browser: Browser, bodies, width, scheme):
    assert len(bodies) == 60
    if scheme == "dark":
        bodies = [body for body in bodies if "prefers-color-scheme" in body[1]]
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.route("**/*", lambda route: route.fulfill(body=PIXEL, content_type="image/gif"))
    page.route("https://sheet.test/", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.goto("https://sheet.test/")
    wrong = []
    for start in range(0, len(bodies), IN_A_ROW):
        names, written, sent = zip(*bodies[start : start + IN_A_ROW], strict=True)
        if draw(page, list(written), width) == draw(page, list(sent), width):
            continue
        for name, before, after in zip(names, written, sent, strict=True):
            if draw(page, [before], width) != draw(page, [after], width):
                draw(page, [before, after], width)
                wrong.append("\n  ".join([f"{name}:", *page.evaluate(DIFFERENCES)]))
    context.close()
    assert wrong == [], "\n".join(wrong)
