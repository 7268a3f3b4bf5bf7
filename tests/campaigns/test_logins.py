"""Guessing passwords: held up per account and per address, with a sentence, and nobody else is kept out."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from campaigns import logins
from campaigns.models import LoginLimit, LoginPlace
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
RIGHT = "a long enough password"
SENTENCE = "Too many attempts to log in did not succeed. Try again in"
DOORS = ["/login/", "/admin/login/"]


@pytest.fixture
def user():
    return UserFactory(username="ada", is_staff=True)


@pytest.fixture(autouse=True)
def passes(monkeypatch):
    """Let time stand still, and go by when it is asked to."""
    stands = timezone.now()

    def go(**some):
        nonlocal stands
        stands += timedelta(**some)

    monkeypatch.setattr(logins, "read_clock", lambda: stands)
    return go


def post(password, name="ada", address="192.0.2.1", door="/login/"):
    """What the page answers: "in", "wrong" or "wait"."""
    answer = Client().post(door, {"username": name, "password": password}, REMOTE_ADDR=address)
    if answer.status_code == 302:
        return "in"
    text = answer.content.decode()
    assert "Please enter" in text or SENTENCE in text
    return "wait" if SENTENCE in text else "wrong"


def log_in(password, name="ada", address="192.0.2.1"):
    """The same without a page, which takes its time."""
    request = RequestFactory().post("/login/", REMOTE_ADDR=address)
    try:
        return "in" if authenticate(request, username=name, password=password) else "wrong"
    except logins.TooManyLogins:
        return "wait"


@pytest.mark.parametrize("door", DOORS)
def test_after_five_failures_the_right_password_has_to_wait_too_but_not_for_long(user, door, passes):
    assert [post("guess", door=door) for _ in range(6)] == ["wrong"] * 5 + ["wait"]
    assert [post(RIGHT, door=each) for each in DOORS] == ["wait", "wait"]
    passes(seconds=61)
    assert post(RIGHT, door=door) == "in"


def test_the_sentence_says_how_long(user):
    for _ in range(5):
        log_in("guess")
    text = (
        Client()
        .post("/login/", {"username": "ada", "password": RIGHT}, REMOTE_ADDR="192.0.2.1")
        .content.decode()
    )
    assert f"{SENTENCE} 60 seconds." in text
    assert logins.write_wait_sentence(timedelta(seconds=90)).endswith("2 minutes.")


@pytest.mark.parametrize("name", ["ADA", "nobody at all"])
def test_names_that_do_not_exist_and_other_spellings_are_held_to_the_same(user, name):
    assert [log_in("guess", name=name) for _ in range(6)] == ["wrong"] * 5 + ["wait"]


def test_one_address_is_held_up_over_all_accounts(user):
    tries = [log_in("guess", name=f"user{number % 40}") for number in range(60)]
    assert tries == ["wrong"] * 20 + ["wait"] * 40
    assert log_in("guess", name="somebody else") == "wait"


def test_an_account_is_held_up_over_all_addresses(user):
    tries = [log_in("guess", address=f"192.0.2.{number % 8}") for number in range(80)]
    assert tries.count("wrong") <= logins.ACCOUNT.burst + 8
    assert tries[-20:] == ["wait"] * 20


def test_an_account_is_held_up_over_ever_new_addresses_too(user, passes):
    """Who rents addresses by the thousand, or has many networks of IPv6, tries each once."""
    places = [f"203.0.{number // 250}.{number % 250}" for number in range(150)]
    places += [f"2001:db8:{number:x}::1" for number in range(150)]
    tries = [log_in("guess", address=place) for place in places]
    most = logins.ACCOUNT_AT_NEW_ADDRESSES.burst
    assert tries == ["wrong"] * most + ["wait"] * (len(places) - most)
    assert log_in("guess", name="another", address="198.51.100.9") == "wrong"
    passes(minutes=3)
    assert [log_in("guess", address=f"198.51.100.{number}") for number in range(5)] == ["wrong"] * 3 + [
        "wait"
    ] * 2
    passes(hours=3)
    assert log_in(RIGHT, address="198.51.100.77") == "in"


def test_right_passwords_from_many_addresses_take_nothing_from_that_limit(user):
    places = [f"203.0.113.{number}" for number in range(logins.ACCOUNT_AT_NEW_ADDRESSES.burst + 20)]
    assert [log_in(RIGHT, address=place) for place in places] == ["in"] * len(places)


def test_a_stranger_who_hammers_keeps_nobody_out(user):
    assert log_in(RIGHT, address="198.51.100.7") == "in"
    for number in range(100):
        log_in("guess", address=f"203.0.113.{number % 30}")
    assert log_in(RIGHT, address="198.51.100.7") == "in"  # where they are known
    assert log_in("a typing error", address="198.51.100.7") == "wrong"
    assert log_in(RIGHT, address="198.51.100.7") == "in"
    assert log_in(RIGHT, address="198.51.100.99") == "in"  # and where they never were


def test_the_addresses_of_one_customer_count_as_one(user):
    tries = [log_in("guess", address=f"2001:db8:1:{number:x}::1") for number in range(10)]
    assert tries == ["wrong"] * 5 + ["wait"] * 5
    assert log_in("guess", address="2001:db8:2::1") == "wrong"


def test_addresses_that_a_translator_puts_into_ipv6_are_those_of_many_customers(user):
    for number in range(30):
        assert log_in("guess", name=f"user {number}", address=f"64:ff9b::c000:2{number:02x}") == "wrong"
    assert log_in("guess", address="64:ff9b::c633:6401") == "wrong"
    tries = [log_in("guess", address=f"::ffff:0:{host}") for host in ["198.51.100.9"] * 6]
    assert tries == ["wrong"] * 5 + ["wait"]


def test_right_passwords_are_never_counted(user):
    assert [log_in(RIGHT) for _ in range(50)] == ["in"] * 50


def test_failures_are_forgotten_with_time(user, passes):
    for _ in range(5):
        log_in("guess")
    passes(minutes=6)
    assert [log_in("guess") for _ in range(6)] == ["wrong"] * 5 + ["wait"]
    passes(hours=1)
    logins.delete_old_tries(logins.read_clock())
    assert not LoginLimit.objects.exists()


def test_an_address_is_remembered_for_a_time(user, passes):
    log_in(RIGHT)
    passes(days=91)
    logins.delete_old_tries(logins.read_clock())
    assert not LoginPlace.objects.exists()


def test_what_is_logged_names_no_password_and_nothing_that_was_typed(user, caplog):
    caplog.set_level(logging.INFO, logger="campaigns.logins")
    log_in("s3cret-guess")
    log_in("s3cret-guess", name="s3cret typed as a name\nroot logged in")
    log_in(RIGHT)
    for _ in range(7):
        log_in("s3cret-guess")
    lines = [record.getMessage() for record in caplog.records if record.name == "campaigns.logins"]
    assert lines[:3] == [
        f"A login to user {user.pk} from 192.0.2.1 failed.",
        "A login to an account that does not exist from 192.0.2.1 failed.",
        f"user {user.pk} logged in from 192.0.2.1.",
    ]
    assert lines[-1] == f"A login to user {user.pk} from 192.0.2.1 was put off."
    assert not any("s3cret" in line or RIGHT in line or "\n" in line for line in lines)


def test_a_forged_header_is_no_way_around(user):
    tries = [
        Client().post(
            "/login/", {"username": "ada", "password": "guess"},
            REMOTE_ADDR="192.0.2.1", HTTP_X_FORWARDED_FOR=f"10.0.0.{number}",
        ).content.decode()
        for number in range(6)
    ]  # fmt: skip
    assert SENTENCE in tries[-1]


def test_the_old_password_is_guessed_no_faster_than_at_the_login(user, passes):
    """Whoever sits down at somebody's open browser, or has their cookie."""
    client = Client()
    client.force_login(user)
    new = {"new_password1": "a longer second one", "new_password2": "a longer second one"}

    def change(old):
        answer = client.post("/account/password/", {"old_password": old, **new})
        return SENTENCE in answer.content.decode() if answer.status_code == 200 else "changed"

    assert [change("guess") for _ in range(8)] == [False] * 5 + [True] * 3
    assert change(RIGHT) is True
    assert log_in(RIGHT) == "in", "the login is another door"
    passes(seconds=61)
    assert change(RIGHT) == "changed"


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_administration_has_no_second_page_for_the_own_password(user, method):
    client = Client()
    client.force_login(user)
    answer = getattr(client, method)("/admin/password_change/", {"old_password": RIGHT})
    assert (answer.status_code, answer.url) == (302, "/account/password/")


def test_code_that_is_no_page_is_not_held_up(user):
    assert [authenticate(None, username="ada", password="guess") for _ in range(30)] == [None] * 30
    assert authenticate(None, username="ada", password=RIGHT) == user


@pytest.mark.django_db(transaction=True)
def test_many_at_once_get_no_more_tries_than_one_after_another(user):
    """Several web processes share the count: each try is counted before its password is looked at."""

    def guess(_):
        try:
            return log_in("guess")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        tries = list(pool.map(guess, range(24)))
    assert (tries.count("wrong"), tries.count("wait")) == (5, 19)


class CountingHasher(PBKDF2PasswordHasher):
    """Hashes as in production but for the rounds, and counts how often."""

    algorithm = "counting"
    iterations = 10
    count = 0

    def encode(self, password, salt, iterations=None):
        type(self).count += 1
        return super().encode(password, salt, iterations)


@pytest.mark.parametrize(
    ("name", "hashes"),
    [("ada", 1), ("nobody of that name", 1), ("switched off", 1), ("without a password", 1), ("", 0)],
)
def test_whoever_has_no_account_waits_as_long_as_who_has_one(user, settings, name, hashes):
    """The time of a login is the time of its hashes."""
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    user.set_password(RIGHT)
    user.save()
    off = UserFactory(username="switched off", is_active=False)
    off.set_password(RIGHT)
    off.save()
    bare = UserFactory(username="without a password")
    bare.set_unusable_password()
    bare.save()
    CountingHasher.count = 0
    Client().post("/login/", {"username": name, "password": "wrong"})
    assert CountingHasher.count == hashes


@pytest.mark.parametrize("name", ["ada", "nobody of that name"])
def test_who_must_wait_learns_nothing_from_the_time_it_takes(user, settings, name):
    for _ in range(5):
        log_in("wrong", name)
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher"]
    CountingHasher.count = 0
    assert log_in("wrong", name) == "wait"
    assert CountingHasher.count == 0


@pytest.mark.parametrize("door", DOORS)
def test_a_login_changes_the_key_of_the_session_and_a_logout_ends_it(user, door):
    """A key that somebody else put into the browser before is worth nothing afterwards."""
    client = Client()
    session = client.session
    session["planted"] = "yes"
    session.save()
    client.cookies["sessionid"] = planted = session.session_key
    assert client.post(door, {"username": "ada", "password": RIGHT}).status_code == 302
    signed_in = client.cookies["sessionid"].value
    assert signed_in != planted
    other = Client()
    other.cookies["sessionid"] = planted
    assert other.get("/").status_code == 302
    client.post("/logout/")
    other.cookies["sessionid"] = signed_in
    assert other.get("/").status_code == 302
