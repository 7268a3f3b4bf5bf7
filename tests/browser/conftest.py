"""The whole product, started as `make run` starts it, with a database and secrets of its own, and a real browser."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial, wraps
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Locator,
    Page,
    expect,
    sync_playwright,
)

from config import embedded_postgres

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a password for the tests"
TILL_KEY = "till_of_the_browser_tests_0001"
TOUCHES = "check click fill focus press select_option set_input_files uncheck".split()
LONGEST_STEP = (
    60_000  # milliseconds that a page may take, of which it takes a hundredth where nothing else is done
)
STARTS_WITHIN = 600  # seconds, for every process, on a machine that runs other tests too and has a slow hour


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests in a browser time: the first of them waits for the whole product."""
    for item in items:
        if item.path.is_relative_to(ROOT / "tests/browser") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(900))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Say where the pages of a test stood when it failed, and what they said was wrong."""
    report = yield
    if report.when == "call" and report.failed:
        for page in find_pages(item):
            with suppress(Error):
                body = page.locator("body").inner_text(timeout=2_000)
                trouble = "".join(page.locator("#trouble").all_text_contents())
                report.sections.append((f"page {page.url}", f"Trouble: {trouble or 'none'}\n{body[:1_500]}"))
    return report


def find_pages(item: pytest.Item) -> list[Page]:
    asked = getattr(item, "funcargs", {}).values()
    return [
        page for context in {one.context for one in asked if isinstance(one, Page)} for page in context.pages
    ]


@pytest.fixture(scope="package", autouse=True)
def _hands_that_wait():
    """Touch a page as somebody does who lets it load first: before that, buttons and links lead to whole pages.

    Else what a test means by a button hangs on how busy the machine is. What works earlier is in test_early_hands.py.
    """
    expect.set_options(timeout=LONGEST_STEP)
    with pytest.MonkeyPatch.context() as patched:
        for name in TOUCHES:
            patched.setattr(Locator, name, wait_first(getattr(Locator, name)))
        yield


def wait_first(touch):
    @wraps(touch)
    def touch_loaded(locator: Locator, *args, **options):
        locator.page.wait_for_load_state("domcontentloaded")
        return touch(locator, *args, **options)

    return touch_loaded


@dataclass
class Product:
    address: str
    variables: dict[str, str]
    cookies: dict[str, list[Any]] = field(default_factory=dict)  # of those who have signed in, by name


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="package")
def product(worker_id: str, testrun_uid: str):
    """The running product with its demo, until the last test in a browser is done: it works even when nobody asks.

    Its folder lies in the project's: PostgreSQL must be able to enter it.
    """
    name = f"browser-{os.environ.get('TEST_DB_SUFFIX', '')}"
    folder = ROOT / "var" / f"{name}{worker_id}"
    embedded_postgres.stop(folder)  # of a run that was killed: it would go on without its files
    shutil.rmtree(folder, ignore_errors=True)
    port = free_port()
    variables = os.environ | {
        "VAR_DIR": str(folder),
        "PORT": str(port),
        "MAIL_PORT": str(free_port()),
        "DEMO_PASSWORD": PASSWORD,
        "DEMO_TILL_KEY": TILL_KEY,
    }
    first = ROOT / "var" / f"{name}first-{testrun_uid}"
    first.parent.mkdir(exist_ok=True)
    with first.with_name(f"{name}lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not first.exists():
            for older in first.parent.glob(f"{name}first-*"):
                shutil.rmtree(older)
            load_demo(folder, variables)
            subprocess.run(["cp", "-a", folder, first], check=True)
        else:
            subprocess.run(["cp", "-a", first, folder], check=True)
    embedded_postgres.ensure(folder)
    with embedded_postgres.Server(folder).connect(embedded_postgres.NAME) as connection:
        connection.execute("UPDATE mailing_smtpconnection SET port = %s", [variables["MAIL_PORT"]])
    log = (folder / "log").open("w")
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "config.supervisor"],
        cwd=ROOT,
        env=variables,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(address, supervisor)
        yield Product(address, variables)
    finally:
        supervisor.send_signal(signal.SIGTERM)
        supervisor.wait(30)
        log.close()
    for each in (folder, first):
        shutil.rmtree(each, ignore_errors=True)


def load_demo(folder: Path, variables: dict[str, str]) -> None:
    """Make a database with the demo, and stop it. Processes that run browsers share it, each in a copy of its own."""
    embedded_postgres.ensure(folder)
    with embedded_postgres.Server(folder).connect("postgres") as connection:
        connection.execute("ALTER SYSTEM SET synchronous_commit = off")  # as in tests/conftest.py
        connection.execute("SELECT pg_reload_conf()")
    for command in (["migrate", "--no-input", "--verbosity", "0"], ["demo"]):
        subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=variables,
            check=True,
            timeout=STARTS_WITHIN,
        )
    embedded_postgres.stop(folder)


def wait_until_ready(address: str, supervisor: subprocess.Popen) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        assert supervisor.poll() is None, "the supervisor has ended"
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail(f"the product was not ready within {STARTS_WITHIN} s")


@pytest.fixture(scope="package")
def browser(chromium: str):
    """One for all tests in a browser: to start it takes as long as some of them. Each has a context of its own.

    Not for the whole session: while Playwright runs, no other test of this process can have an event loop.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            # in a container there is no sandbox to be had, and /dev/shm is too small for it
            args=[
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--disable-gpu",
                "--disable-background-networking",
            ],
        )
        yield browser
        browser.close()


def open_context(browser: Browser, product: Product, **options: Any) -> BrowserContext:
    """Return a context of its own, as a fresh browser has, which waits as long for a page as a busy machine needs.

    It asks for reduced motion: a badge that pulses would be drawn anew all the time, which took a tenth of a core.
    """
    usual = {"viewport": {"width": 1440, "height": 900}, "reduced_motion": "reduce"}
    context = browser.new_context(base_url=product.address, **usual | options)
    context.set_default_timeout(LONGEST_STEP)
    return context


@pytest.fixture
def page(browser: Browser, product: Product):
    """A fresh page; what the console complains of (a breach of the CSP, a script error) fails the test.

    Not so the open pixel of a caught mail, which the outbox blocks: to look at a mail there is not to open it. Nor the
    pictures of a draft, which its preview blocks until somebody asks for them. Nor a request that a newer one replaces
    (hx-sync), or that ends with its page: htmx calls it an error. A request that fails is `htmx:sendError`, too.
    """
    context = open_context(browser, product)
    page = context.new_page()
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        is_blocked_picture = "/t/o/" in message.text or '"img-src data: cid:"' in message.text
        is_abort = message.text.startswith(("htmx:afterRequest,", "htmx:sendAbort,"))
        if message.type == "error" and not is_blocked_picture and not is_abort:
            complaints.append(f"{message.text} ({message.location['url']}, on {page.url})")

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints == []


def sign_in_as(page: Page, product: Product, name: str) -> None:
    """Sign in on the page of the login, or go on in the session of an earlier test: a password takes long to check."""
    if name in product.cookies:
        page.context.add_cookies(product.cookies[name])
        page.goto("/")
        return
    page.goto("/login/")
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login/" not in url)
    product.cookies[name] = page.context.cookies()


@pytest.fixture
def sign_in(page: Page, product: Product):
    return partial(sign_in_as, page, product)


def wait_for_parts(page: Page) -> None:
    """Wait until no part of the page is asked for any more, nor put in its place."""
    page.wait_for_function("() => !document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling')")


def open_section(page: Page, name: str) -> None:
    """Show a section of the editor of e-mail campaigns."""
    page.get_by_role("navigation", name="Sections").get_by_role("link", name=name).click()
    expect(page.get_by_role("group", name=f"Section {name}")).to_be_visible()
