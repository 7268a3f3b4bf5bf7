"""The rules of promotions at the till once more, written from their text alone: slow, obvious, unit by unit.

The engine is judged by it (`tests/promotions/engine/test_reference.py`), so nothing here is taken from the engine but
the types of what goes in. Money is `Fraction` until a promotion's amount is rounded; every choice between promotions
is made by trying all of them, so baskets have to be small. Where the text leaves something open (which of two equal
units is meant, whether a unit that costs nothing more can still be the cheapest one) the docstrings say how it is read.

    goods        a basket as single units
    holds        what keeps a promotion away: status, dates, places, customers, conditions
    wishes       what each benefit asks of the units
    sharing      an amount over units and lines: water-filling, largest remainder
    passes       promotions one after another, each on what the others left, within every limit
    choices      which promotions may meet, and which way is best
"""

from tests.promotions.reference.choices import evaluate
from tests.promotions.reference.passes import Answer

__all__ = ["Answer", "evaluate"]
