"""Makes, rotates and revokes till keys. A key is shown once and stored only as its SHA-256.

A key has 32 random letters and digits, which are 190 bits. So its hash needs no salt and no slow function: nobody can
find the key by trying.
"""

import hashlib
import secrets
import string

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from campaigns import database_time, refusals
from campaigns.refusals import Refused
from pos.models import Location, Till

KEY_LETTERS = string.ascii_letters + string.digits
SHORTEST_KEY, LONGEST_KEY = 20, 128


def issue(location: Location, name: str, *, key: str = "", by: User | None = None) -> tuple[Till, str]:
    """Make a new till at `location` and return it with its key, which can be shown only now.

    Args:
        location: where the till stands.
        name: unique at the location.
        key: 20 to 128 printable characters; a random key is made when it is empty.
        by: the user who asks; None for the system.

    Raises:
        Refused: the name or the key is taken, the key is malformed, or `by` may not add tills.
    """
    refusals.require(by, "pos.add_till", "add tills")
    key = _check_key(key) if key else make_key()
    try:
        with transaction.atomic():
            till = Till.objects.create(
                location=location, name=name, key_hash=hash_key(key), key_hint=key[-4:]
            )
    except IntegrityError:
        if Till.objects.filter(key_hash=hash_key(key)).exists():
            raise Refused([("key", gettext("Another till has this key already."))]) from None
        raise Refused(
            [
                (
                    "name",
                    gettext("There is a till “%(name)s” at %(location)s already.")
                    % {"name": name, "location": location},
                )
            ]
        ) from None
    return till, key


def rotate(till: Till, *, by: User | None = None) -> str:
    """Give a till another key and return it. The old key is refused from the very next request."""
    refusals.require(by, "pos.change_till", "change tills")
    key = make_key()
    Till.objects.filter(pk=till.pk).update(
        key_hash=hash_key(key), key_hint=key[-4:], revoked_at=None, last_used_at=None
    )
    return key


def revoke(till: Till, *, by: User | None = None) -> None:
    """Refuse a till's key from the very next request; its sales stay."""
    refusals.require(by, "pos.change_till", "change tills")
    Till.objects.filter(pk=till.pk, revoked_at=None).update(revoked_at=database_time.now())


def make_key() -> str:
    """Make up a till key."""
    return "till_" + "".join(secrets.choice(KEY_LETTERS) for _ in range(32))


def hash_key(key: str) -> str:
    """Return the SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()


def _check_key(key: str) -> str:
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY or not key.isprintable() or key != key.strip():
        raise Refused(
            [
                (
                    "key",
                    gettext(
                        "A till key has %(shortest_key)s to %(longest_key)s printable characters, no space "
                        "around them."
                    )
                    % {"shortest_key": SHORTEST_KEY, "longest_key": LONGEST_KEY},
                )
            ]
        )
    return key
