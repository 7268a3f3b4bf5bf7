"""Mails in a real browser, read by axe as a screen reader would: nothing of what we add, or leave, is a fault."""

import pytest
from playwright.sync_api import Browser

from mailing.content import Links, Recipient, compile
from mailing.views.tracking import PIXEL
from tests.browser.accessible_bodies import list_sources
from tests.browser.axe import RUN, read_axe

LINKS = Links("https://mail.shop.test", "token")
ADA = Recipient("ada@example.test", {"city": "Wien", "dense": False}, "Ada")
# These speak of whole pages, and a mail is shown inside one
OF_PAGES = ("region", "landmark-one-main", "page-has-heading-one", "bypass", "skip-link")
DRAW = """(bodies) => Promise.all(bodies.map((body) => new Promise((done) => {
  const frame = document.createElement("iframe");
  const src = URL.createObjectURL(new Blob([body], { type: "text/html;charset=utf-8" }));
  Object.assign(frame, { src, width: 640, height: 400, onload: done });
  document.body.append(frame);
})))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_wrong_with_any_mail(browser: Browser, scheme):
    mails = [(name, compile(source).preview(ADA, LINKS).html) for name, source in list_sources()]
    assert len(mails) >= 40
    if scheme == "dark":  # axe knows no ground but the page's own
        mails = [mail for mail in mails if "prefers-color-scheme" in mail[1]]
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.route("**/*", lambda route: route.fulfill(body=PIXEL, content_type="image/gif"))
    page.route(
        "https://sheet.test/", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html")
    )
    page.goto("https://sheet.test/")
    page.evaluate(DRAW, [body for _, body in mails])
    wrong = []
    for (name, _), frame in zip(mails, page.main_frame.child_frames, strict=True):
        frame.evaluate(read_axe())
        wrong += [f"{name}: {violation}" for violation in frame.evaluate(RUN, [None, OF_PAGES])]
    context.close()
    assert wrong == [], "\n".join(wrong)
