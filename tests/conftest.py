"""What every test shares. Outside checks run without this file: nothing a factory or a case needs may live here."""

import os
import shutil

import pytest

from tests.factories import user_in


@pytest.fixture(autouse=True)
def _own_names_of_static_files(settings):
    """Pages name static files as they are, whether or not somebody has collected them."""
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """Users are made by the hundred; a password is meant to take long, and did."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


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
