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
