"""No address of the site answers 500, whatever anybody sends."""

import shutil
from copy import copy, deepcopy
from itertools import groupby

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.template.base import Template
from django.test import override_settings
from django.urls import reverse

from campaigns.logins import ThrottledBackend
from tests.factories import UserFactory
from tests.hostile_input import TEXTS, Attacker, World, list_admin_pages, list_routes

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(1800)]


def name_room(route):
    """Name what has one test: forms for a new row and for an old one are in one room."""
    room, _, rest = route.partition("/")
    return f"{room}/{rest.partition('/')[0]}" if room == "campaigns" else room


# parts of the frame around each page
FRAME = {"_menu.html", "_own_menu.html", "_script_texts.html", "admin/nav_sidebar.html"}
ROUTES = sorted(list_routes(), key=lambda each: each[1])
ROOMS = {room: [*those] for room, those in groupby(ROUTES, lambda each: name_room(each[1]))}
ADMIN = {room: [*those] for room, those in groupby(list_admin_pages(), lambda each: each[1])}


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker, tmp_path_factory):
    """Make the rows that addresses name once for all tests of this file: each undoes its requests."""
    folder = tmp_path_factory.mktemp("world")
    with django_db_blocker.unblock(), override_settings(VAR_DIR=folder), transaction.atomic():
        yield World()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _folder_of_its_own(world, settings, tmp_path):
    """Give each test the files of the rows: what a request removes there is not undone."""
    shutil.copytree(settings.VAR_DIR, tmp_path, dirs_exist_ok=True)
    settings.VAR_DIR = tmp_path


@pytest.fixture(autouse=True)
def _note_what_views_read(settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.hostile_input.NoteWhatIsRead"]


@pytest.fixture(autouse=True)
def _one_frame_of_each_page(monkeypatch):
    """Draw what stands around every page once for each address: it hangs on nothing that is sent.

    Nor are contexts copied: nothing here asks what the test client remembers of each template.
    """
    frames = {}

    def render(template, context):
        if template.name not in FRAME:
            return template.nodelist.render(context)
        key = template.name, context.request.path
        if key not in frames:
            frames[key] = template.nodelist.render(context)
        return frames[key]

    monkeypatch.setattr(Template, "_render", render)


@pytest.fixture(autouse=True)
def _one_menu_of_the_admin(monkeypatch):
    """Make the menu of the administration once for each test: it hangs on nothing that is sent."""
    monkeypatch.setattr(admin.site, "_build_app_dict", cache_menus(admin.site._build_app_dict))


@pytest.fixture(autouse=True)
def _one_reading_of_who_asks(monkeypatch):
    """Read the session and its user once for each test: all that a request writes is undone, so each finds the same."""
    find_user, load, users, sessions = ThrottledBackend.get_user, SessionStore.load, {}, {}

    def find_user_once(backend, key):
        if key not in users:
            users[key] = find_user(backend, key)
        return copy(users[key])

    def load_once(store):
        key = store.session_key
        if key not in sessions:
            sessions[key] = load(store)
        return deepcopy(sessions[key])

    monkeypatch.setattr(ThrottledBackend, "get_user", find_user_once)
    monkeypatch.setattr(SessionStore, "load", load_once)


def cache_menus(build):
    menus = {}

    def build_once(request, label=None):
        key = request.user.pk, label
        if key not in menus:
            menus[key] = build(request, label)
        return menus[key]

    return build_once


@pytest.fixture
def attacker(client):
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return Attacker(client)


@pytest.mark.parametrize("room", ROOMS)
def test_no_address_answers_500(attacker, world, room):
    for name, route in ROOMS[room]:
        for path in world.list_paths(name, route):
            attacker.attack(path)
    attacker.finish()
    assert attacker.broken == [], "\n".join(attacker.broken)


@pytest.mark.parametrize("label", ADMIN)
def test_no_page_of_the_admin_answers_500(attacker, label):
    row = apps.get_model(label).objects.first()
    for name, _ in ADMIN[label]:
        if not name.endswith("_change"):
            attacker.attack(reverse(name), alone=name.endswith("_changelist") or row is None)
        elif row is not None:
            attacker.attack(reverse(name, args=[row.pk]))
    attacker.finish()
    assert attacker.broken == [], "\n".join(attacker.broken)


def test_in_fields_that_refuse_or_take_a_text_the_one_that_breaks_is_found():
    taken = set()

    class Form(Attacker):
        def __init__(self):
            self.broken = []

        def _send(self, method, path, fields, what):
            sent = {name for name, value in fields.items() if value == TEXTS["digits"]}
            if "refuses" in sent:
                return 422, '<input type="text" name="refuses" value="9" aria-invalid="true">'
            if "refuses silently" in sent:
                return 409, ""
            if "breaks" in sent:
                self.broken.append(what)
                return 500, ""
            taken.update(sent)
            return 302, ""

    form = Form()
    names = ["one", "refuses", "two", "breaks", "three", "refuses silently", "four"]
    form._send_in_fields("/", dict.fromkeys(names, ""), names, "digits")
    assert form.broken[-1] == "digits in breaks"
    assert taken == {"one", "two", "three", "four"}


@pytest.mark.parametrize("times", [1, 2])
def test_each_field_gets_every_text_whether_its_form_comes_once_or_twice(times):
    sent = set()

    class Form(Attacker):
        def __init__(self):
            self.broken, self.answers, self.half_done = [], {}, {}

        def _send(self, method, path, fields, what):
            sent.update(fields.items())
            return 422, ""

    form, names = Form(), ["one", "two", "three", "four", "five", "six"]
    for _ in range(times):
        form._attack_form("/", dict.fromkeys(names, ""), names, alone=False)
    form.finish()
    texts = {
        text for text in TEXTS.values() if text != TEXTS["nul"]
    }  # which the first field's turn for it sends
    assert sent >= {(name, text) for name in names for text in texts}
