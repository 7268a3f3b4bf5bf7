"""The icons of the pages: each one that a page names is drawn, as the package draws it."""

import re

import pytest
from django.conf import settings

from campaigns.icons import DRAWINGS, draw_sprite
from campaigns.verbs import VERBS
from campaigns.workspace import menu

PACKAGE = settings.NODE_MODULES / "@tabler" / "icons"
SPRITE = settings.BASE_DIR / "static" / "icons.svg"


@pytest.mark.skipif(not PACKAGE.exists(), reason="the packages for development are not installed")
def test_the_drawings_are_those_of_the_installed_package():
    assert SPRITE.read_text() == draw_sprite(PACKAGE)


def test_every_icon_is_drawn_and_every_drawing_is_used():
    pages = "\n".join(page.read_text() for page in (settings.BASE_DIR / "templates").rglob("*.html"))
    used = set(re.findall(r'{% icon "([a-z-]+)"', pages)) | {verb.icon for verb in VERBS.values()}
    used |= {entry.icon for group in menu.GROUPS for entry in group.entries}
    used |= set(re.findall(r'{% entry "[^"]+" "[^"]+" "([a-z-]+)"', pages))
    assert used == set(DRAWINGS)
    assert re.findall(r'<symbol id="([a-z-]+)"', SPRITE.read_text()) == list(DRAWINGS)
