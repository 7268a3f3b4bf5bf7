"""What every test shares. Outside checks run without this file: nothing a factory or a case needs may live here."""

import gc
import os
import shutil
from collections import Counter

import pytest
from django.conf import settings
from django.contrib import admin
from django.db import connection
from django.test import TransactionTestCase, override_settings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadScopeScheduling

from tests import emptying
from tests.factories import user_in

BROWSER = "tests/browser/"
HOSTILE = "tests/test_hostile_input.py"  # each of its tests is a scope: as one it was the longest
OF_AXE_AND_MAILS = tuple(
    f"{BROWSER}test_{name}.py" for name in ("axe", "accessible_mails", "mail_looks", "mail_pages", "zones")
)

admin.autodiscover()  # as config.urls does: there are tests for every page of the administration

# a busy machine is no fault of an example
hypothesis_settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("busy")


class FilesOnOneWorker(LoadScopeScheduling):
    """Gives all the tests of a file to one process, which share what is made once for the file.

    Tests in a browser go to two processes, each with a running product of its own. The marks `xdist_group` do not reach
    the scheduler of xdist 3.8 beside pytest 9.
    """

    def _split_scope(self, nodeid):
        return name_group(nodeid)


def name_group(nodeid):
    file = nodeid.partition("::")[0]
    if file == HOSTILE:
        return nodeid.partition("[")[0]
    if file in OF_AXE_AND_MAILS:
        return f"{BROWSER}axe and mails"
    return BROWSER if file.startswith(BROWSER) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return FilesOnOneWorker(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """Leave what is imported and collected, which stays to the end, out of every search for garbage.

    There are few others: at Python's own thresholds they took 8% of the time of tests that draw pages.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config, items):
    """Run the tests in a browser first and in a row: the product that they need runs until the last of them.

    They share its database, so they come in the order in which they are written: what one finds there is the same each
    time. Among several processes, then begin with what asks for the most time, then with the largest: else a process
    would begin it when the others are nearly done.
    """
    result = yield
    items.sort(key=lambda item: (0, *item.location) if item.nodeid.startswith(BROWSER) else (1,))
    if hasattr(config, "workerinput"):
        sizes = Counter(name_group(item.nodeid) for item in items)
        seconds: Counter[str] = Counter()
        for item in items:
            mark = item.get_closest_marker("timeout")
            group = name_group(item.nodeid)
            seconds[group] = max(seconds[group], mark.args[0] if mark else 0)
        items.sort(
            key=lambda item: (
                not (group := name_group(item.nodeid)).startswith(BROWSER),
                -seconds[group],
                -sizes[group],
                group,
            )
        )
    return result


@pytest.fixture(scope="session", autouse=True)
def _settings_of_tests(django_test_environment):
    """Set what all tests share, once: to set it anew took each test longer than many take.

    Pages name static files as they are, whether or not somebody has collected them, and a file is looked for when it is
    asked for: to list the thousand that there are took each client longer than a page. Users are made by the hundred; a
    password is meant to take long, and did.
    """
    names = {"staticfiles": {"BACKEND": "tests.static_names.StaticNames"}}
    with override_settings(
        STORAGES=settings.STORAGES | names,
        WHITENOISE_AUTOREFRESH=True,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    ):
        yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """A test that commits has its database emptied by `tests.emptying`, where that is allowed.

    A commit does not wait for the disk here: that took nine tenths of its time, and no test cuts this server's power.
    """
    with pytest.MonkeyPatch.context() as patched, django_db_blocker.unblock():
        with connection.cursor() as cursor:
            name = connection.ops.quote_name(connection.settings_dict["NAME"])
            cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        connection.close()  # the next one has it
        if emptying.copy_filled_tables():
            patched.setattr(
                TransactionTestCase, "_fixture_teardown", lambda test_case: emptying.empty_written_tables()
            )
        yield


@pytest.fixture
def marketer(client):
    """A marketer, signed in."""
    return signed_in(client, "Marketers")


@pytest.fixture
def administrator(client):
    """An administrator, signed in."""
    return signed_in(client, "Administrators")


def signed_in(client, role):
    user = user_in(role)
    client.force_login(user)
    return user


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; without one browser tests are skipped, unless REQUIRE_BROWSER=1.

    Rather the one that has no window: it draws the same pages with half the CPU.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if not found and os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail("REQUIRE_BROWSER=1, but no Chromium was found on this machine.")
    if not found:
        pytest.skip("no Chromium on this machine: browser tests are skipped")
    return found
