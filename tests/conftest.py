"""What every test shares. Outside checks run without this file: nothing a factory or a case needs may live here."""

import os
import shutil

import pytest
from django.test import TransactionTestCase

from tests import emptying
from tests.factories import user_in


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Let one process run all the tests of a file, which share what is made once for the file."""
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(f"{item.path.parent.name}/{item.path.stem}"))


@pytest.fixture(autouse=True)
def _own_names_of_static_files(settings):
    """Pages name static files as they are, whether or not somebody has collected them.

    A file is looked for when it is asked for: to list the thousand that there are took each client longer than a page.
    """
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """Users are made by the hundred; a password is meant to take long, and did."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """A test that commits has its database emptied by `tests.emptying`, where that is allowed."""
    with pytest.MonkeyPatch.context() as patched, django_db_blocker.unblock():
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
    """The path of a Chromium; without one browser tests are skipped, unless REQUIRE_BROWSER=1."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found and os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail("REQUIRE_BROWSER=1, but no Chromium was found on this machine.")
    if not found:
        pytest.skip("no Chromium on this machine: browser tests are skipped")
    return found
