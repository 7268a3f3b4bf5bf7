"""What holds for every page that can be asked for: the walk goes over all addresses and the whole administration."""

import re

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.urls import reverse

from mailing.models import SmtpConnection
from tests.factories import EmailCampaignFactory, SmtpConnectionFactory, UserFactory
from tests.hostile_input import World, list_admin_pages, list_routes

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(900)]


@pytest.fixture
def paths(settings, tmp_path):
    """The address of every page, each with rows of every kind, one of them an SMTP connection with a password."""
    settings.VAR_DIR = tmp_path
    world = World()
    smtp = SmtpConnectionFactory(name="With a login", tls="starttls", username="ada", password="s3cret")
    mails = [
        EmailCampaignFactory(status=status, launchable=True, connection=smtp)
        for status in ("draft", "running")
    ]
    world.rows["connections/"].append(smtp)
    world.rows["campaigns/email/"] += mails
    found = [
        path for name, route in list_routes() for path in world.list_paths(name, route) if len(path) < 500
    ]
    for name, label in list_admin_pages():
        rows = apps.get_model(label).objects.all()[:3] if name.endswith("_change") else [None]
        found += [reverse(name, args=[row.pk] if row else []) for row in rows]
    return sorted(set(found))


def has_safe_policy(answer) -> bool:
    """Return whether scripts come from here alone and none stands in the page; what is shown of a mail runs none.

    Styles may stand in the visual builder alone, which sets them on what it draws.
    """
    policy = answer.headers.get("Content-Security-Policy", "")
    rules = {words[0]: words[1:] for words in (rule.split() for rule in policy.split(";")) if words}
    is_frame = "sandbox" in rules and "allow-scripts" not in rules["sandbox"]
    scripts = rules.get("script-src", rules.get("default-src"))
    is_builder = answer.resolver_match is not None and answer.resolver_match.view_name == "mailing:builder"
    return scripts in (["'self'"], ["'none'"]) and (is_frame or is_builder or "unsafe-inline" not in policy)


# English writes 13.3%
has_gap_before_percent = re.compile(r"\d[ \u00a0\u202f]%").search


def test_no_page_breaks_without_the_keys_and_each_says_what_a_browser_may_run(client, paths, settings):
    """What no key reads counts as not set: a page may refuse with a sentence, and none answers 500."""
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    client.raise_request_exception = False
    assert SmtpConnection.objects.get(name="With a login").login_trouble
    broken, unsafe, gapped = [], [], []
    for path in paths:
        answer = client.get(path)
        if answer.status_code >= 500:
            broken.append(path)
        if answer.headers.get("Content-Type", "").startswith("text/html") and not has_safe_policy(answer):
            unsafe.append(path)
        if not answer.streaming and has_gap_before_percent(answer.content.decode(errors="replace")):
            gapped.append(path)
    assert (broken, unsafe, gapped) == ([], [], [])
