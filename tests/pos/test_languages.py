"""A till gets sentences in the language that it asks for; the codes for programs stay the same."""

import json

import pytest
from django.utils import translation

from pos.api.middleware import answer_request
from pos.api.views import TillRequest


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("de-AT,en;q=0.5", "Unter /pos/x gibt es nichts."),
        ("fr", "Il n’y a rien à /pos/x."),
        ("ja", "There is nothing at /pos/x."),
        ("*", "There is nothing at /pos/x."),
        ("", "There is nothing at /pos/x."),
    ],
)
def test_a_refusal_is_in_the_language_of_the_till(asked, said):
    answer = answer_request(TillRequest("GET", "/pos/x", {"HTTP_ACCEPT_LANGUAGE": asked}, b""))
    problem = json.loads(answer.body)
    assert (answer.status, problem["error"], problem["message"]) == (404, "not_found", said)
    assert translation.get_language() == "en", "the next request is another till's"


def test_a_till_that_asks_for_none_gets_that_of_the_installation(settings):
    settings.DEFAULT_LANGUAGE = "de"
    for headers in ({}, {"HTTP_ACCEPT_LANGUAGE": "ja"}):
        answer = answer_request(TillRequest("GET", "/pos/x", headers, b""))
        assert json.loads(answer.body)["message"] == "Unter /pos/x gibt es nichts."
    answer = answer_request(TillRequest("GET", "/pos/x", {"HTTP_ACCEPT_LANGUAGE": "en"}, b""))
    assert json.loads(answer.body)["message"] == "There is nothing at /pos/x."
    assert translation.get_language() == "en", "the next request is another till's"
