"""Till keys: shown once, kept as a hash, rotated, revoked."""

import hashlib
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from campaigns.refusals import Refused
from pos import keys
from pos.models import Till
from tests.factories import LocationFactory, TillFactory, UserFactory, user_in
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db


def test_a_key_is_shown_once_and_kept_only_as_its_hash():
    till, key = keys.issue(LocationFactory(), "Till 1")
    assert key.startswith("till_")
    assert len(key) == 37
    stored = Till.objects.values().get()
    assert stored["key_hash"] == hashlib.sha256(key.encode()).hexdigest()
    assert key not in str(stored)
    assert stored["key_hint"] == key[-4:]
    assert till.pk == stored["id"]


@pytest.mark.parametrize(
    "key", ["x" * 20, "x" * 128, "schlüssel-für-die-kasse-1", "with spaces inside it all"]
)
def test_a_chosen_key_is_any_20_to_128_printable_characters(key):
    till = AtTill()
    keys.issue(till.location, "Another", key=key)
    sent = key.encode().decode("latin-1")  # as WSGI gives it
    assert till.send("POST", "quotes", basket(1_000), authorization=f"Bearer {sent}").status == 200


@pytest.mark.parametrize(
    "key", ["x" * 19, "x" * 129, "a key with a\nline break in it", " spaces around it all   "]
)
def test_another_key_is_refused(key):
    with pytest.raises(Refused):
        keys.issue(LocationFactory(), "Till 1", key=key)


def test_no_two_tills_have_a_key_or_a_name_in_common():
    till, key = keys.issue(LocationFactory(), "Till 1")
    with pytest.raises(Refused, match="this key already"):
        keys.issue(LocationFactory(), "Till 2", key=key)
    with pytest.raises(Refused, match="Till 1"):
        keys.issue(till.location, "Till 1")


def test_a_rotated_key_takes_the_place_of_the_old_one_at_once():
    till = AtTill()
    assert till.quote(basket(1_000)).status == 200
    key = keys.rotate(till.till)
    assert till.quote(basket(1_000)).status == 401
    till.key = key
    assert till.quote(basket(1_000)).status == 200


def test_when_a_key_was_last_used_is_written_at_most_once_a_minute():
    till = AtTill()
    before = timezone.now()
    till.quote(basket(1_000))
    till.till.refresh_from_db()
    first = till.till.last_used_at
    assert before <= first <= timezone.now()
    till.quote(basket(1_000))
    till.put("S1", basket(1_000))
    till.till.refresh_from_db()
    assert till.till.last_used_at == first


def test_only_administrators_make_keys():
    location = LocationFactory()
    for role in ("Marketers", "Analysts"):
        with pytest.raises(Refused):
            keys.issue(location, "Till 1", by=user_in(role))
    till, _ = keys.issue(location, "Till 1", by=user_in("Administrators"))
    with pytest.raises(Refused):
        keys.revoke(till, by=UserFactory())
    with pytest.raises(Refused):
        keys.rotate(till, by=UserFactory())


def test_the_command_prints_a_key_that_works(capsys):
    location = LocationFactory(code="BERLIN")
    call_command("create_till", "BERLIN", "Till by the door")
    till = AtTill(location=location)
    till.key = capsys.readouterr().out.strip()
    assert till.quote(basket(1_000)).status == 200
    with pytest.raises(CommandError, match="BERLIN"):
        call_command("create_till", "NOWHERE", "Till by the door")
    with pytest.raises(CommandError, match="Till by the door"):
        call_command("create_till", "BERLIN", "Till by the door")


def test_a_till_row_made_elsewhere_works_with_its_key():
    till = TillFactory(key="the-key-of-a-till-of-the-factory")
    caller = AtTill(location=till.location)
    caller.key = "the-key-of-a-till-of-the-factory"
    assert caller.quote(basket(1_000)).status == 200
    assert timedelta() <= timezone.now() - Till.objects.get(pk=till.pk).last_used_at < timedelta(minutes=1)
