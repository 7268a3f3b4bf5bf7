"""A contact, a campaign that was sent to them, and the address of their preference page."""

import pytest
from django.test import Client

from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from tests.factories import ContactFactory, ContactListFactory
from tests.mailing.running import launch_campaign

BODY = (
    '<p>Hi</p><a href="{{ preferences_url }}">Preferences</a> <a href="{{ unsubscribe_url }}">Unsubscribe</a>'
)


@pytest.fixture
def contact():
    return ContactFactory(email="ada@x.test")


@pytest.fixture
def campaign(contact):
    return launch_campaign([contact], body=BODY, body_format="html", from_name="The Shop")


@pytest.fixture
def path(delivery):
    return f"/p/{tokens.sign_token(delivery.pk, Purpose.PREFERENCES)}"


@pytest.fixture
def news():
    return ContactListFactory(name="News", is_public=True)


@pytest.fixture
def anybody():
    """A mail reader: no login, no cookies, and the CSRF check on."""
    return Client(enforce_csrf_checks=True)
