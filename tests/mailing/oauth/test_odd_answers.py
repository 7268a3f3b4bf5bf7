"""Answers of identity providers that are no answers."""

import pytest

from campaigns import database_time
from mailing import oauth
from tests.mailing.oauth.grants import make_connection, make_grant

pytestmark = pytest.mark.django_db

ODD_ANSWERS = [
    *(
        " ",
        "<html>",
        "5",
        "[1]",
        "null",
        "[" * 20_000,
        '{"error": ["a"]}',
        '{"error": {"a": 1}}',
        '{"access_token": 5}',
    ),
    *(rf'{{"access_token": "{token}"}}' for token in (r"a\n", r"a\u0000", r"\ud800", "é", "x" * 20_000)),
    *(f'{{"access_token": "a", "expires_in": {life}}}' for life in ("[1]", '"abc"', "1e400", '"NaN"')),
]


@pytest.mark.parametrize("odd", ODD_ANSWERS, ids=lambda odd: odd[:40])
def test_an_answer_that_is_none_gives_no_token_and_loses_none(provider, odd):
    grant = make_grant(provider, make_connection(), expires_at=database_time.now())
    provider.odd = odd.encode()
    with pytest.raises(oauth.TokenUnavailable):
        oauth.read_access_token(grant.pk)
    grant.refresh_from_db()
    assert grant.refresh_token == "refresh-0"


@pytest.mark.parametrize("refresh", ["[1]", "5", "null", '""', r'"\u0000"', r'"\ud800"'])
@pytest.mark.parametrize(
    ("life", "seconds"), [("-5", 0), ("1e30", 30 * 86400), ("null", 3600), ('"600"', 600)]
)
def test_only_a_token_takes_the_place_of_the_refresh_token_and_lives_for_a_sound_time(
    provider, refresh, life, seconds
):
    grant = make_grant(provider, make_connection(), expires_at=database_time.now())
    provider.odd = f'{{"access_token": "a", "expires_in": {life}, "refresh_token": {refresh}}}'.encode()
    assert oauth.read_access_token(grant.pk) == "a"
    grant.refresh_from_db()
    assert grant.refresh_token == "refresh-0"
    assert abs((grant.expires_at - database_time.now()).total_seconds() - seconds) < 30
