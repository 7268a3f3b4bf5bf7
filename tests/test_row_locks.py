"""Rows are locked by FOR NO KEY UPDATE (docs/architecture.md, "The lock order"), but for those that may be deleted."""

import re

import pytest
from django.conf import settings

APPS = ("campaigns", "promotions", "pos", "mailing")
STRONG = re.compile(r"\bFOR UPDATE\b|select_for_update\((?![^\n]*no_key=True)")
MAY_BE_DELETED = {
    "campaigns/lifecycle.py": "a campaign without any effect yet",
    "campaigns/queue.py": "tasks; no row refers to one",
    "mailing/attribution.py": "sales that wait to be attributed",
    "mailing/deletion.py": "lists and segments",
    "mailing/library/pictures.py": "a picture",
    "mailing/models/audience.py": "a contact who is deleted",
    "mailing/privacy.py": "a contact who is erased",
    "mailing/retention.py": "old rows",
    "mailing/senders/domains.py": "a domain, a key",
    "mailing/sending/lanes.py": "a lane beyond those of its connection",
    "mailing/tallies.py": "counts that are folded into one",
    "mailing/webhooks/keys.py": "a webhook",
    "pos/folding.py": "sales that wait to be folded",
    "promotions/publish/counters.py": "the counter of a campaign that loses its limits",
    "promotions/publish/promotions.py": "a promotion",
}


def find_strong_locks() -> set[str]:
    paths = [path for app in APPS for path in (settings.BASE_DIR / app).rglob("*.py")]
    return {str(path.relative_to(settings.BASE_DIR)) for path in paths if STRONG.search(path.read_text())}


def test_only_rows_that_may_be_deleted_are_locked_with_their_keys():
    assert find_strong_locks() == MAY_BE_DELETED.keys()


@pytest.mark.parametrize(
    ("text", "is_strong"),
    [
        ("SELECT FROM t FOR UPDATE", True),
        ("SELECT FROM t FOR UPDATE OF t SKIP LOCKED", True),
        ("SELECT FROM t FOR NO KEY UPDATE SKIP LOCKED", False),
        ("SELECT FROM t FOR NO KEY UPDATE OF t SKIP LOCKED", False),
        ("rows.select_for_update().get()", True),
        ('rows.select_for_update(of=("self",)).get()', True),
        ('rows.select_for_update(of=("self",), no_key=True)', False),
    ],
)
def test_strong_locks_are_recognised(text, is_strong):
    assert bool(STRONG.search(text)) == is_strong
