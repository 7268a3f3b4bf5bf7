"""A/B tests: sends variants of a mail to some recipients first, and the winner to the rest.

    definitions  the variants of a test (all combinations), and what stands against a test
    figures      what became of each variant
    judging      which variant is the best, and whether chance explains its lead
    shares       how many recipients each variant gets: even, by weights, by Thompson sampling
    releasing    gives held recipients their variant and the moment they are due
    phases       testing, waiting, sending the rest: the steps between them, by the clock or by hand
    report       how a test stands, as pages show it

The launch makes all deliveries of a tested campaign and holds them: they are `pending` without a `due_at`, so no claim
takes them. A release gives some of them a variant and a due time. From then on they are deliveries like any other.
"""

from mailing.variants.definitions import (
    MOST_VARIANTS,
    Variant,
    find_test,
    find_test_problems,
    list_variants,
)

__all__ = ["MOST_VARIANTS", "Variant", "find_test", "find_test_problems", "list_variants"]
