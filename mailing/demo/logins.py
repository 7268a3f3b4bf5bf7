"""Who may sign in to the demo, and the key of its first till.

Unless DEMO_PASSWORD and DEMO_TILL_KEY choose them, they are derived from SECRET_KEY, which is made at the first start:
so they can be printed at every start and are stored nowhere in clear.
"""

from base64 import b32encode

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser, Group
from django.utils.crypto import salted_hmac

LOGINS = {  # name → (first name, last name, role)
    "admin": ("Ada", "Admin", "Administrators"),
    "marketer": ("Mara", "Market", "Marketers"),
    "analyst": ("Anton", "Analyst", "Analysts"),
}


def load() -> dict[str, AbstractUser]:
    """Make the users, or give them the demo's passwords again; returns them by name."""
    users: dict[str, AbstractUser] = {}
    for name, (first, last, role) in LOGINS.items():
        user, _ = get_user_model().objects.get_or_create(
            username=name,
            defaults={
                "first_name": first,
                "last_name": last,
                "email": f"{name}@fanfare.example",
                "is_staff": role == "Administrators",
                "is_superuser": role == "Administrators",
            },
        )
        if not user.check_password(password(name)):
            user.set_password(password(name))
            user.save(update_fields=["password"])
        user.groups.add(Group.objects.get(name=role))
        users[name] = user
    return users


def password(name: str) -> str:
    return settings.DEMO_PASSWORD or derived("login", name)[:16].lower()


def till_key() -> str:
    return settings.DEMO_TILL_KEY or f"till_{derived('till', 'first')[:32].lower()}"


def derived(purpose: str, name: str) -> str:
    digest = salted_hmac(f"mailing.demo.{purpose}", name, algorithm="sha256").digest()
    return b32encode(digest).decode().rstrip("=")
