"""What a quote is compared with: a view that answers a constant, and one that makes the quote's SELECT and no more."""

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from benchmarks.till.shop import KEY
from pos import keys
from pos.api.middleware import JSON
from pos.sales.facts import Asked, read

ANSWER = msgspec.json.encode(
    {"discount": 0, "lines": [{"id": str(number), "discount": 0} for number in range(5)]}
)
KEY_HASH = keys.hashed(KEY)


def constant(request: HttpRequest) -> HttpResponse:
    return HttpResponse(ANSWER, content_type=JSON)


def select(request: HttpRequest) -> HttpResponse:
    read(Asked(), key_hash=KEY_HASH, now=timezone.now())
    return HttpResponse(ANSWER, content_type=JSON)
