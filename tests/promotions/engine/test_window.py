from datetime import timedelta

import pytest

from promotions.engine.window import effective_status, is_open
from tests.promotions.engine.till import NOON

BEFORE, AFTER = NOON - timedelta(hours=1), NOON + timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "starts_at", "ends_at", "effective"),
    [
        ("draft", BEFORE, AFTER, "draft"),
        ("scheduled", AFTER, None, "scheduled"),
        ("scheduled", None, None, "scheduled"),
        ("scheduled", NOON, None, "active"),
        ("scheduled", BEFORE, AFTER, "active"),
        ("scheduled", BEFORE, NOON, "expired"),
        ("active", None, None, "active"),
        ("active", BEFORE, AFTER, "active"),
        ("active", BEFORE, NOON, "expired"),
        ("paused", BEFORE, NOON, "paused"),
        ("expired", BEFORE, AFTER, "expired"),
        ("cancelled", BEFORE, AFTER, "cancelled"),
    ],
)
def test_the_effective_status_follows_the_window(status, starts_at, ends_at, effective):
    assert effective_status(status, starts_at, ends_at, NOON) == effective


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "open_"),
    [
        (None, None, True),
        (NOON, None, True),
        (AFTER, None, False),
        (None, NOON, False),
        (None, AFTER, True),
        (NOON, NOON, False),
    ],
)
def test_a_window_holds_its_start_and_not_its_end(starts_at, ends_at, open_):
    assert is_open(starts_at, ends_at, NOON) is open_
