"""Helpers of the tests of Django admin: users of each role, addresses, and a task of the queue."""

import uuid

from django.urls import reverse
from django.utils import timezone

from tests.factories import UserFactory, user_in


def sign_in(client, role):
    if role == "superuser":
        user = UserFactory(is_staff=True, is_superuser=True)
    elif role == "no role":
        user = UserFactory(is_staff=True)
    else:
        user = user_in(role, is_staff=True)
    client.force_login(user)
    return user


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def task(**fields):
    now = timezone.now()
    return {
        "id": uuid.uuid4().hex,
        "name": "one",
        "func": "mailing.tasks.close",
        "args": (5,),
        "started": now,
        "stopped": now,
    } | fields
