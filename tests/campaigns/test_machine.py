"""Random sequences of verbs, clock beats and edits against a model of the two tables."""

from datetime import timedelta

import hypothesis.strategies as st
import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from campaigns import clock, lifecycle
from campaigns.lifecycle import Refused, fire
from campaigns.models import Campaign
from tests.campaigns.matrix import EMAIL, PROMOTION
from tests.factories import EmailCampaignFactory, PromotionCampaignFactory

FINAL = {"completed", "failed", "cancelled", "expired"}


class Lifecycle(RuleBasedStateMachine):
    """One campaign of each kind beside a plain model of it. `now` is passed in everywhere and only moves on."""

    @initialize(starts=st.integers(1, 5), lasts=st.integers(1, 10))
    def draft(self, starts, lasts):
        # a transaction of its own for each run, undone at its end: the deferred constraints are checked in teardown
        self.undo = transaction.atomic()
        self.undo.__enter__()
        self.now = timezone.now()
        self.email = EmailCampaignFactory(launchable=True)
        self.promotion = PromotionCampaignFactory(
            starts_at=self.now + timedelta(hours=starts), ends_at=self.now + timedelta(hours=starts + lasts)
        )
        self.expected = {"email": "draft", "promotion": "draft"}
        self.rows = {"email": [], "promotion": []}
        self.email_at = None
        self.start, self.end = self.promotion.starts_at, self.promotion.ends_at

    def teardown(self):
        if hasattr(self, "undo"):
            transaction.set_rollback(True)
            self.undo.__exit__(None, None, None)

    @rule(minutes=st.integers(1, 240))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)

    @rule()
    def tick(self):
        clock.tick(self.now)
        self.owe()
        if self.expected["email"] == "scheduled" and self.email_at <= self.now:
            self.step("email", "launch", "running")

    @rule(verb=st.sampled_from(sorted({v for steps in PROMOTION.values() for v in steps if v != "archive"})))
    def promotion_verb(self, verb):
        before = len(self.rows["promotion"])
        self.owe()
        owed = {now for _, now in self.rows["promotion"][before:]}
        leads_to = PROMOTION[self.expected["promotion"]].get(verb)
        if verb == "schedule" and self.start <= self.now:
            leads_to = None
        if verb == "activate" and self.end <= self.now:
            leads_to = None
        settled = (verb == "activate" and "active" in owed) or (verb == "expire" and "expired" in owed)
        self.fire(self.promotion.pk, "promotion", verb, leads_to, settled)
        if leads_to and not settled:
            if verb == "activate":
                self.start = min(self.start, self.now)
            if verb in ("expire", "end_early"):
                self.end = min(self.end, self.now) if verb == "expire" else self.now
            self.owe()

    @rule(verb=st.sampled_from(sorted({v for steps in EMAIL.values() for v in steps if v != "archive"})))
    def email_verb(self, verb):
        leads_to = EMAIL[self.expected["email"]].get(verb)
        arguments = {"at": self.now + timedelta(hours=1)} if verb == "schedule" else {}
        if verb == "complete":
            leads_to = None  # it is not prepared: nothing here runs the queue
        self.fire(self.email.pk, "email", verb, leads_to, **arguments)
        if leads_to and verb == "schedule":
            self.email_at = arguments["at"]

    @rule(kind=st.sampled_from(["email", "promotion"]))
    def edit(self, kind):
        if kind == "promotion":
            self.owe()
        state = self.expected[kind]
        locked = state in FINAL or (kind == "email" and state in ("running", "paused"))
        try:
            with transaction.atomic():
                campaign = lifecycle.open_for_edit(getattr(self, kind).pk, now=self.now)
                campaign.description += "."
                campaign.save()
        except Refused:
            assert locked
            if kind == "promotion":
                self.forget_what_was_owed()
        else:
            assert not locked
            if kind == "email" and state == "scheduled":
                self.step("email", "unschedule", "draft")

    def forget_what_was_owed(self):
        """A refused edit rolls back what it settled; the clock writes it at its next beat."""
        clock.tick(self.now)
        if self.expected["email"] == "scheduled" and self.email_at <= self.now:
            self.step("email", "launch", "running")

    def fire(self, pk, kind, verb, leads_to, settled=False, **arguments):
        try:
            campaign = fire(pk, verb, now=self.now, **arguments)
        except Refused:
            assert not leads_to, f"{verb} from {self.expected[kind]} was refused"
            assert not settled, f"{verb} from {self.expected[kind]} was refused, which the clock had taken"
        else:
            assert leads_to or settled, f"{verb} from {self.expected[kind]} was not refused"
            if not settled:
                self.step(kind, verb, leads_to)
            assert campaign.kind == kind

    def owe(self):
        if self.expected["promotion"] == "scheduled" and self.start <= self.now:
            self.step("promotion", "activate", "active")
        if self.expected["promotion"] == "active" and self.end <= self.now:
            self.step("promotion", "expire", "expired")

    def step(self, kind, verb, leads_to):
        self.rows[kind].append((verb, leads_to))
        self.expected[kind] = leads_to

    @invariant()
    @precondition(lambda self: hasattr(self, "rows"))
    def status_and_history_agree_with_the_tables(self):
        for kind, campaign in (("email", self.email), ("promotion", self.promotion)):
            assert Campaign.objects.get(pk=campaign.pk).status == self.expected[kind]
            assert list(campaign.history.order_by("pk").values_list("verb", "now")) == self.rows[kind]


@pytest.mark.django_db
def test_any_sequence_of_steps_beats_and_edits_keeps_to_the_tables():
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Lifecycle,
        settings=settings(
            max_examples=30,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
