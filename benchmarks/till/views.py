"""What a quote is compared with: a view that answers a constant, and one that makes the quote's SELECT and no more."""

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from benchmarks.till.shop import KEY
from pos import keys
from pos.api.middleware import JSON
from pos.sales.till_facts import FactsQuery, select_facts

ANSWER = msgspec.json.encode(
    {"discount": 0, "lines": [{"id": str(number), "discount": 0} for number in range(5)]}
)
KEY_HASH = keys.hash_key(KEY)


def constant(request: HttpRequest) -> HttpResponse:
    """Answer at once: the floor of the server."""
    return HttpResponse(ANSWER, content_type=JSON)


def select(request: HttpRequest) -> HttpResponse:
    """Answer after the one query of a quote: the floor of the database."""
    select_facts(FactsQuery(timezone.now()), key_hash=KEY_HASH)
    return HttpResponse(ANSWER, content_type=JSON)
