"""Examples of requests and answers for the description of the JSON views.

tests/pos/test_openapi_examples.py sends every request to the running views and compares every answer word for word.
"""

from campaigns.annotations import JsonObject

COFFEE: JsonObject = {"id": "1", "sku": "COF02", "categories": ["coffee"], "quantity": 2, "unit_price": 2490}
CHEESE: JsonObject = {"id": "2", "sku": "CHE01", "quantity": "0.350", "unit_price": 1890, "line_total": 662}
BASKET: JsonObject = {
    "currency": "EUR",
    "customer": {"id": "C9", "groups": ["vip"]},
    "coupons": ["SPRING10"],
    "payment_method": "card",
    "lines": [COFFEE, CHEESE],
}
QUOTE: JsonObject = {
    "rules_version": 42,
    "evaluated_at": "2026-11-21T10:15:00Z",
    "currency": "EUR",
    "subtotal": 5642,
    "discount": 498,
    "total": 5144,
    "lines": [
        {
            "id": "1",
            "discount": 498,
            "total": 4482,
            "units": [[2, 249]],
            "applied": [{"promotion": 7, "campaign": 3, "amount": 498}],
        },
        {"id": "2", "discount": 0, "total": 662, "units": [[1, 0]], "applied": []},
    ],
    "applied": [
        {
            "promotion": 7,
            "campaign": 3,
            "label": "10% off coffee",
            "amount": 498,
            "wished": 498,
            "clamped_by": None,
            "coupon": None,
            "applications": 1,
        }
    ],
    "coupons": [
        {
            "code": "SPRING10",
            "status": "min_subtotal",
            "need": 10000,
            "have": 5642,
            "message": "It needs €100.00; what counts here is worth €56.42.",
        },
    ],
    "not_applied": [
        {"promotion": 8, "campaign": None, "reason": "min_subtotal", "need": 10000, "have": 5642}
    ],
    "gifts": [],
}
SALE: JsonObject = QUOTE | {
    "sale_id": "R-1001",
    "state": "committed",
    "expires_at": None,
    "offline_at": None,
    "returned": {},
}
RETURN: JsonObject = {
    "sale_id": "R-1001",
    "return_id": "B-1",
    "currency": "EUR",
    "subtotal": 2490,
    "discount": 249,
    "total": 2241,
    "lines": [{"id": "1", "units": [[1, 249]], "subtotal": 2490, "discount": 249, "total": 2241}],
    "applied": [{"promotion": 7, "campaign": 3, "amount": 249}],
    "dry_run": False,
}
RULES: JsonObject = {
    "rules_version": 42,
    "location": "BER",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "stacking": {"precedence": "value", "currency": "EUR", "excluded_pairs": []},
    "rules": [
        {
            "promotion": 7,
            "benefit": {"type": "percent", "percent": 1000, "of": "remaining"},
            "label": "10% off coffee",
            "target": {"match": {"categories": ["coffee"]}},
            "lane": "item",
            "stacking": {"type": "stackable"},
            "caps": {},
            "trigger": "automatic",
            "locations": [],
            "campaign": {
                "id": 3,
                "status": "active",
                "starts_at": "2026-11-01T08:00:00Z",
                "ends_at": "2026-11-30T20:00:00Z",
                "locations": [],
                "currency": "EUR",
                "on_budget_end": "partial",
            },
        }
    ],
}

REQUESTS: dict[str, dict[str, JsonObject]] = {
    "quote": {
        "a basket": BASKET,
        "codes": BASKET | {"coupons": ["SPRING10", "SPRNIG10"]},
        "one line": {"currency": "EUR", "lines": [COFFEE]},
    },
    "commit": {
        "commit": BASKET | {"expect_discount": 498},
        "hold while the customer pays": BASKET | {"state": "held", "ttl": 120},
        "made without a connection": BASKET | {"offline_at": "2026-11-21T10:15:00+01:00"},
    },
    "return": {
        "one unit": {"lines": [{"id": "1", "quantity": 1}]},
        "only ask": {
            "lines": [{"id": "1", "quantity": 1}, {"id": "2", "quantity": "0.350"}],
            "dry_run": True,
        },
    },
}
"""Bodies by operation and title."""

AVAILABLE: JsonObject = {
    "available": [
        {
            "code": "AUTUMN-RTKMWHPXB",
            "label": "A tenth off",
            "ends_at": "2026-11-30T20:00:00Z",
            "min_subtotal": 500,
        },
    ]
}
ANSWERS: dict[str, JsonObject] = {
    "quote": QUOTE | AVAILABLE,
    "commit": SALE,
    "show": SALE | {"returned": {"1": 1}},
    "confirm": SALE,
    "release": SALE | {"state": "released"},
    "void": SALE | {"state": "voided"},
    "return": RETURN,
    "rules": RULES,
}
"""The body of the good answer, by operation."""

REFUSALS: dict[str, JsonObject] = {
    "not_json": {"message": "The body is not JSON: Input data was truncated."},
    "float": {
        "message": '24.9 is not an integer: money and quantities are integers, weights are texts as "0.350".'
    },
    "repeated_key": {"message": "The key “sku” comes twice in one object."},
    "cut_short": {"message": "The body has 120 of the 350 bytes that were announced."},
    "no_key": {"message": "Send the till's key as `Authorization: Bearer <key>`."},
    "unknown_key": {"message": "No till has this key."},
    "revoked_key": {"message": "This till's key was revoked."},
    "no_such_sale": {"message": "This location has no sale R-1001."},
    "method": {"message": "Use POST here."},
    "idempotency_mismatch": {"message": "The sale R-1001 was sent before with another content."},
    "sale_id_taken": {
        "message": "The till “Till 1” of this location has sent the sale R-1001, with another content: use another id "
        "for this sale.",
        "till": "Till 1",
        "same_body": False,
    },
    "return_id_taken": {
        "message": "The till “Till 1” of this location has sent the return B-1, with the same content: use another id "
        "for this return.",
        "till": "Till 1",
        "same_body": True,
    },
    "offline_not_allowed": {
        "message": "offline_at: This till may not send sales made offline: an administrator can allow it.",
        "fields": {
            "offline_at": ["This till may not send sales made offline: an administrator can allow it."]
        },
    },
    "coupon_throttled": {
        "message": "This till tried too many unknown codes: send this sale again in a minute."
    },
    "quote_changed": {"message": "The discount is 498 now; 500 was expected.", "quote": QUOTE},
    "hold_expired": {"message": "The hold R-1001 is over: commit the sale anew, under another id."},
    "already_committed": {"message": "The sale R-1001 is committed: void it instead."},
    "voided": {"message": "The sale R-1001 was voided."},
    "not_committed": {"message": "The sale R-1001 is held: nothing of it can come back."},
    "exceeds_sold": {
        "message": "lines.0.quantity: 2 were sold and 1 can still come back.",
        "fields": {"lines.0.quantity": ["2 were sold and 1 can still come back."]},
    },
    "too_large": {"message": "1048576 bytes are accepted at most."},
    "too_many_lines": {"message": "There are 501 lines; 500 are accepted at most."},
    "invalid": {
        "message": 'lines.0.quantity: A whole number from 1 to 1000000 or a text such as "0.350" is expected; '
        "this is 0.",
        "fields": {
            "lines.0.quantity": [
                'A whole number from 1 to 1000000 or a text such as "0.350" is expected; this is 0.'
            ]
        },
    },
    "too_fast": {"message": "This till asks more than 1000 times a second."},
    "unavailable": {"message": "The database is away: send this again."},
    "busy": {"message": "The rules are changing all the time: try again."},
}
"""Bodies of refusals by their `error`. `fields` is empty where it is left out."""


def refusal_example(error: str) -> JsonObject:
    """Return the example body of a refusal, by its `error`."""
    return {"error": error, "fields": {}} | REFUSALS[error]
