"""The pictures of the guide can be made from the demo; `make screenshots` makes them where the guide shows them."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from campaigns import guide
from tests.browser.conftest import Product, open_context, sign_in_as, wait_for_parts

WIDTH, HEIGHT = 1280, 800
list_pictures = re.compile(r"!\[[^\]]*\]\(pictures/([a-z-]+)\.png\)").findall


CAMPAIGN = r"/campaigns/(email/|promotion/)?\d+/$"


def follow(page: Page, address: str, pattern: str) -> None:
    """Open the first page whose address is like this, of those that `address` links to."""
    page.goto(address)
    found = re.compile(pattern)
    links: list[str] = page.eval_on_selector_all(
        "main a[href]", "all => all.map(one => one.getAttribute('href'))"
    )
    page.goto(next(link for link in links if found.search(link)))


def show_editor(page: Page) -> None:
    follow(page, "/campaigns/?kind=email&status=draft", CAMPAIGN)
    page.goto(f"{page.url}edit/")
    page.wait_for_function("() => document.querySelectorAll('#preview-holder iframe').length === 1")


def show_builder(page: Page) -> None:
    """Open the builder on the draft in MJML that the demo has, with a text selected."""
    page.goto("/campaigns/?q=Autumn+roast+is+here")
    page.get_by_role("link", name="Autumn roast is here", exact=True).click()
    page.goto(f"{page.url}builder/")
    page.locator("#builder[data-ready]").wait_for()
    page.frame_locator("#builder iframe.gjs-frame").get_by_text("Dear").click()
    page.get_by_role("button", name="Add", exact=True).click()


def show_offered_mail(page: Page, part: str) -> None:
    """Open a part of the page of the mail that brought most lately."""
    follow(page, "/revenue/lately/", r"/campaigns/email/\d+/")
    address = re.match(r".*/campaigns/email/\d+/", page.url)
    assert address
    page.goto(address[0] + part)


def show_import(page: Page) -> None:
    page.goto("/contacts/import/")
    people = (
        b"E-mail;First name;City;Points\nada@example.com;Ada;London;12\nalan@example.com;Alan;Wilmslow;7\n"
    )
    page.locator("input[type=file]").set_input_files(
        {"name": "customers.csv", "mimeType": "text/csv", "buffer": people}
    )
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile(r"/imports/\d+/columns/"))


PAGES: dict[str, str | Callable[[Page], None]] = {
    "dashboard": "/",
    "import": show_import,
    "editor-content": show_editor,
    "builder": show_builder,
    "contact": lambda page: follow(page, "/contacts/", r"/contacts/\d+/$"),
    "segment": lambda page: follow(page, "/segments/", r"/segments/\d+/$"),
    "promotion-kinds": "/promotions/new/",
    "promotion-form": "/promotions/new/?type=items",
    "promotion-campaign": lambda page: follow(page, "/campaigns/?kind=promotion&status=active", CAMPAIGN),
    "revenue": lambda page: show_offered_mail(page, "revenue/"),
    "sandbox": "/sandbox/",
    "mail-report": lambda page: show_offered_mail(page, "report/"),
    "promotion-report": "/reports/promotions/?by=day",
    "campaign-list": "/campaigns/",
    "calendar": "/calendar/",
}


def take_picture(page: Page, name: str, folder: Path) -> None:
    """Show what the picture is of, and draw it with the few colours that pages have, which makes it small."""
    show = PAGES[name]
    if isinstance(show, str):
        page.goto(show)
    else:
        show(page)
    page.wait_for_load_state("networkidle")
    wait_for_parts(page)
    file = folder / f"{name}.png"
    page.screenshot(path=file, animations="disabled")
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(192).save(file, optimize=True)
    file.chmod(0o644)


def test_every_picture_of_the_guide_can_be_made(browser: Browser, product: Product, tmp_path: Path):
    folder = Path(os.environ.get("GUIDE_PICTURES") or tmp_path)
    shown = {
        name for page in guide.NAMES for name in list_pictures((guide.FOLDER / f"{page}.md").read_text())
    }
    assert shown == set(PAGES)
    with open_context(browser, product, viewport={"width": WIDTH, "height": HEIGHT}) as context:
        page = context.new_page()
        sign_in_as(page, product, "marketer")
        for name in PAGES:
            take_picture(page, name, folder)
            assert (folder / f"{name}.png").stat().st_size > 5_000, name
