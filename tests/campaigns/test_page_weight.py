"""How much script a page loads: little, so that it works at once on a slow line."""

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.templatetags.static import static

from campaigns.workspace import menu
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
MOST_BYTES = 80 * 1024  # before they are compressed
HEAVY = "/till-api/"  # Swagger UI, for developers of tills
list_scripts = re.compile(r'<script src="([^"]+)"').findall


def weigh_scripts(page: str) -> int:
    names = [path.removeprefix(static("")) for path in list_scripts(page)]
    assert len(names) > 3
    return sum(Path(finders.find(name)).stat().st_size for name in names)


def test_no_page_of_the_menu_loads_more_than_80_kilobytes_of_script(client):
    user = UserFactory(is_staff=True, is_superuser=True)
    client.force_login(user)
    paths = {entry.path for entry in menu.list_entries(user)} - {HEAVY}
    paths |= {
        "/campaigns/email/new/",
        "/campaigns/promotion/new/",
        "/segments/new/",
        "/promotions/new/?type=items",
    }
    weights = {
        path: weigh_scripts(client.get(path).content.decode())
        for path in paths
        if not path.startswith("/admin/")
    }
    assert len(weights) > 15
    assert {path: weight for path, weight in weights.items() if weight > MOST_BYTES} == {}
