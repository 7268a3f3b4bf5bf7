"""Trees of segments in shapes that no page makes: refused with a sentence, or asked."""

from contextlib import suppress

import pytest

from mailing.segments import SegmentError
from tests.outside import choose_contacts

pytestmark = pytest.mark.django_db
ODD = ["a\0b", "\ud800", 10**400, -1, 1e308, "", None, [], {}, True, [["x"]], {"a": 1}]
TREES = [
    {"field": "city", "op": "equals", "value": "Rome"},
    {"field": "pts", "op": "between", "value": ["1", "5"]},
    {"list": 3},
    {"event": "opened", "times": 2, "within": {"amount": 30, "unit": "day"}, "campaign": 5},
    {"event": "bought", "spent": 100, "currency": "EUR"},
    *({"event": "returned", "of": {"sku": odd}} for odd in ODD),
    {"all": [{"field": "is_bounced", "op": "equals", "value": True}]},
]


@pytest.mark.parametrize("tree", TREES, ids=str)
def test_a_tree_in_an_odd_shape_is_refused_with_a_sentence_or_asked(tree):
    for odd_tree in (tree, *(tree | {part: odd} for part in tree for odd in ODD)):
        with suppress(SegmentError):
            assert choose_contacts(odd_tree, []) == []
