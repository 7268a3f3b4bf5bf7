"""The users of the demo, and the key of its first till.

Unless DEMO_PASSWORD and DEMO_TILL_KEY set them, the secrets are derived from SECRET_KEY, which is made at the first
start. So every start can print them, and they are stored nowhere in clear. They count when a user or the till is made.
A secret that somebody changed since is not printed, and never changed back.
"""

from base64 import b32encode
from collections.abc import Iterator
from functools import partial

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.utils.crypto import salted_hmac

from campaigns import roles, seeds
from campaigns.models import UserSettings
from pos import keys
from pos.models import Till

LOGINS = {  # name → (first name, last name, role)
    "admin": ("Ada", "Admin", "Administrators"),
    "marketer": ("Mara", "Market", "Marketers"),
    "analyst": ("Anton", "Analyst", "Analysts"),
}
FIRST_TILL = "demo till"
TIME_ZONE = "Europe/Berlin"  # where the retailer is at home


def load() -> None:
    """Make the users that were never made."""
    for name in LOGINS:
        seeds.make_once(f"demo login {name}", partial(make_user, name))


def make_user(name: str) -> User | None:
    """Make one of the users with the demo's password; None when somebody has this name already."""
    first, last, role = LOGINS[name]
    model = get_user_model()
    if model.objects.filter(username=name).exists():
        return None
    user: User = model.objects.create_user(
        name,
        f"{name}@fanfare.example",
        derive_password(name),
        first_name=first,
        last_name=last,
        is_staff=role == "Administrators",
        is_superuser=role == "Administrators",
    )
    if group := roles.find_group(role):
        user.groups.add(group)
    UserSettings.objects.create(user_id=user.pk, time_zone=TIME_ZONE)
    return user


def find_author() -> User | None:
    """Return the marketer, who makes the demo's campaigns; None, the system, if the marketer may not make any."""
    user = find_user("marketer")
    return user if user and user.has_perms(roles.MARKETER) else None


def find_user(name: str) -> User | None:
    """Return the user that was made under this name, also if it was renamed; None when it was deleted."""
    return seeds.find_row(f"demo login {name}", get_user_model().objects.all())


def describe() -> Iterator[str]:
    """Yield a line for each login and for the key of the first till, if they are still valid."""
    for name in LOGINS:
        user = find_user(name)
        if user is None:
            yield f"{name:<10}(no demo user any more)"
        elif not user.is_active:
            yield f"{user.get_username():<10}(switched off)"
        else:
            holds = user.check_password(derive_password(name))
            yield f"{user.get_username():<10}{derive_password(name) if holds else '(its password was changed)'}"
    yield ""
    till = seeds.find_row(FIRST_TILL, Till.objects.filter(revoked_at=None))
    holds = till is not None and till.key_hash == keys.hash_key(derive_till_key())
    yield f"till key  {derive_till_key() if holds else '(it was changed, or the till is gone)'}"


def derive_password(name: str) -> str:
    """Return the password of a demo user: `DEMO_PASSWORD`, or one derived from the secret key."""
    return settings.DEMO_PASSWORD or derive_secret("login", name)[:16].lower()


def derive_till_key() -> str:
    """Return the key of the demo's first till: `DEMO_TILL_KEY`, or one derived from the secret key."""
    return settings.DEMO_TILL_KEY or f"till_{derive_secret('till', 'first')[:32].lower()}"


def derive_secret(purpose: str, name: str) -> str:
    """Derive a secret for `name` from the secret key."""
    # the salt has the name that this package once had: what was printed before still holds
    digest = salted_hmac(f"mailing.demo.{purpose}", name, algorithm="sha256").digest()
    return b32encode(digest).decode().rstrip("=")
