"""No address of the site answers 500, whatever anybody sends."""

from copy import copy, deepcopy
from itertools import groupby

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.sessions.backends.db import SessionStore
from django.template.base import Template
from django.urls import reverse

from campaigns.logins import ThrottledBackend
from tests.factories import UserFactory
from tests.hostile_input import TEXTS, Attacker, World, list_admin_pages, list_routes

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]

ROUTES = sorted(list_routes(), key=lambda each: each[1])
ROOMS = {room: [*those] for room, those in groupby(ROUTES, lambda each: "/".join(each[1].split("/")[:2]))}
ADMIN = {room: [*those] for room, those in groupby(list_admin_pages(), lambda each: each[1])}


@pytest.fixture(autouse=True)
def _folder_of_its_own(settings, tmp_path):
    settings.VAR_DIR = tmp_path


@pytest.fixture(autouse=True)
def _no_copies_of_contexts(monkeypatch):
    """Render templates as the product does: nothing here asks what the test client remembers of each of them."""
    monkeypatch.setattr(Template, "_render", lambda template, context: template.nodelist.render(context))


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
def test_no_address_answers_500(attacker, room):
    world = World()
    for name, route in ROOMS[room]:
        for path in world.list_paths(name, route):
            attacker.attack(path)
    assert attacker.broken == [], "\n".join(attacker.broken)


@pytest.mark.parametrize("label", ADMIN)
def test_no_page_of_the_admin_answers_500(attacker, label):
    World()
    row = apps.get_model(label).objects.first()
    for name, _ in ADMIN[label]:
        if not name.endswith("_change"):
            attacker.attack(reverse(name), alone=name.endswith("_changelist") or row is None)
        elif row is not None:
            attacker.attack(reverse(name, args=[row.pk]))
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
