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
    return HttpResponse(ANSWER, content_type=JSON)


def select(request: HttpRequest) -> HttpResponse:
    select_facts(FactsQuery(timezone.now()), key_hash=KEY_HASH)
    return HttpResponse(ANSWER, content_type=JSON)
