"""A date and a time as a form is sent it."""

from datetime import UTC, datetime, timedelta

from campaigns.forms import MomentField


def test_a_typed_offset_that_no_zone_has_names_the_same_moment():
    typed = MomentField().clean("2027-01-01T12:00+23:59")
    assert typed == datetime(2026, 12, 31, 12, 1, tzinfo=UTC)
    assert typed.utcoffset() == timedelta(0)
