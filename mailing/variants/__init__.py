"""A/B tests: variants of a campaign's mail, tried on a part of its recipients before one goes to the rest.

    definitions  the variants that a test crosses, and what stands against a test
    intervals    how sure a rate, and the difference of two, is
    figures      what became of each variant, and which one is the best
    shares       how many recipients each variant gets: even, by weights, by Thompson sampling
    releasing    gives held recipients their variant and the moment they are due
    phases       testing, waiting, sending the rest: the steps between them, by the clock or by hand
    report       how a test stands, as pages show it

All of a tested campaign's recipients are made at its launch and held: `pending` without a `due_at`, so that no claim
sees them. A release gives some of them a variant and a moment, and from then on they are as any other.
"""

from mailing.variants.definitions import (
    MOST_VARIANTS,
    Variant,
    find_test,
    find_test_problems,
    list_variants,
)

__all__ = ["MOST_VARIANTS", "Variant", "find_test", "find_test_problems", "list_variants"]
