"""What tests of sending share: a hostile server, and short waits."""

import pytest

from campaigns import doctor
from mailing.sending import breaker, lanes, outcome, supply
from tests.hostile_smtp import hostile_smtp


@pytest.fixture
def server():
    with hostile_smtp() as server:
        yield server


@pytest.fixture
def short_waits(monkeypatch):
    """Waits that are right between servers and too long for a test."""
    monkeypatch.setattr(supply, "IDLE", 0.05)
    monkeypatch.setattr(outcome, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(outcome, "BRIEF_WAIT", 0.02)
    monkeypatch.setattr(breaker, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(breaker, "PROBE", 0.2)
    monkeypatch.setattr(lanes, "AWAKE", 0)


@pytest.fixture
def sound_books():
    """At the end every count equals the ledger."""
    yield
    assert list(doctor.examine()) == []
