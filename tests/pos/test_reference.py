"""The page on which the description of the JSON views is read."""

import pytest
from django.contrib.staticfiles import finders

from config.settings import NODE_MODULES
from tests.factories import LocationFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_whoever_may_see_tills_reads_how_they_ask(client, marketer):
    page = client.get("/till-api/").content.decode()
    assert 'data-url="/pos/v1/openapi.json"' in page
    assert "swagger-ui-bundle" in page
    LocationFactory()
    assert 'href="/till-api/"' in client.get("/sandbox/").content.decode()


def test_administrators_find_it_beside_the_tills(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    assert 'href="/till-api/"' in client.get("/admin/pos/till/").content.decode()


def test_nobody_else_does(client):
    assert client.get("/till-api/").status_code == 302
    client.force_login(UserFactory())
    assert client.get("/till-api/").status_code == 403


@pytest.mark.skipif(not NODE_MODULES.exists(), reason="the front-end packages are not installed")
@pytest.mark.parametrize("name", ["swagger-ui-bundle.js", "swagger-ui.css"])
def test_what_draws_it_comes_from_our_own_static_files(name):
    assert finders.find(f"swagger-ui/{name}")
