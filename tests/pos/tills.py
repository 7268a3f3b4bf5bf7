"""A till for tests: sends real requests through the middleware and views, reads the JSON that comes back.

Django's test client builds the whole chain of middleware anew for each client and is not made for threads; one handler
serves all here, as in a server.
"""

import json
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.test import RequestFactory

from promotions.models import Counter, Redemption
from tests.factories import TillFactory

Json = dict[str, Any]


class Response:
    """What a till was answered. `body` is None where there is none."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.body: Any = json.loads(response.content) if response.content else None
        self.headers: Mapping[str, str] = response.headers

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


class AtTill:
    """A till with its key, at a location of its own unless one is given."""

    made = 0

    def __init__(self, **till: Any) -> None:
        AtTill.made += 1
        self.key = f"key-of-a-test-till-{AtTill.made:06d}"
        self.till = TillFactory(key=self.key, **till)
        self.location = self.till.location

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        content = body if isinstance(body, str | bytes | None) else json.dumps(body)
        headers = {"authorization": f"Bearer {self.key}"} | headers
        request = RequestFactory().generic(
            method, f"/pos/v1/{path}", content or "", content_type="application/json", headers=headers
        )
        return Response(handler().get_response(request))

    def quote(self, body: Json) -> Response:
        return self.send("POST", "quotes", body)

    def put(self, sale: str, body: Json) -> Response:
        return self.send("PUT", f"sales/{sale}", body)

    def hold(self, sale: str, body: Json, **more: Any) -> Response:
        return self.put(sale, body | {"state": "held"} | more)

    def post(self, sale: str, verb: str) -> Response:
        return self.send("POST", f"sales/{sale}/{verb}")

    def give_back(self, sale: str, reference: str, units: Mapping[str, int | str], **more: Any) -> Response:
        lines = [{"id": line, "quantity": quantity} for line, quantity in units.items()]
        return self.send("PUT", f"sales/{sale}/returns/{reference}", {"lines": lines} | more)


@cache
def handler() -> WSGIHandler:
    return WSGIHandler()


def basket(*prices: int, **more: Any) -> Json:
    """A request with a line of one unit for each price."""
    return {
        "currency": "EUR",
        "lines": [line(number, price) for number, price in enumerate(prices, 1)],
    } | more


def line(number: int | str, price: int, quantity: int | str = 1, **more: Any) -> Json:
    return {"id": f"{number}", "sku": f"SKU{number}", "quantity": quantity, "unit_price": price} | more


def run_at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Do `work(0)` … `work(count - 1)` at once, each in a thread with a connection of its own; the results in order."""
    results: list[Any] = [None] * count
    errors: list[BaseException] = []
    ready = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            ready.wait()
            results[number] = work(number)
        except BaseException as error:  # noqa: BLE001 (raised again in the test's own thread)
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


def counter_figures(**of: Any) -> tuple[int, int, int]:
    """(spent, held, uses) of one counter."""
    counter = Counter.objects.get(**of)
    return counter.spent, counter.held, counter.uses


def granted_amount(**of: Any) -> int:
    """What the ledger says was granted and not given back."""
    return sum(Redemption.objects.filter(**of).values_list("amount", flat=True))
