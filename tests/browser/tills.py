"""A till beside the browser."""

import json
import urllib.request

from tests.browser.conftest import TILL_KEY, Product


def till(product: Product, method: str, path: str, body: dict) -> dict:
    """What the product answers the demo's first till."""
    request = urllib.request.Request(
        f"{product.address}/pos/v1/{path}",
        data=json.dumps(body).encode(),
        method=method,
        headers={"Authorization": f"Bearer {TILL_KEY}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
