"""A campaign with an A/B test, in tests."""

from collections import Counter
from datetime import timedelta

from django.utils import timezone
from django_q.models import OrmQ

from campaigns import lifecycle
from mailing import launch
from mailing.models import Delivery, SplitTest
from mailing.variants import phases
from tests.mailing.running import draft, fresh


def add_test(campaign, **fields):
    """Give a draft a test of two subjects, unless `fields` say otherwise."""
    given = {"subjects": ["Another subject"], "share_percent": 20}
    return SplitTest.objects.create(campaign=campaign, **given | fields)


def launch_tested(recipients=20, *, test=None, **fields):
    """A tested campaign, launched and prepared: the recipients of its test wait, the others are held."""
    campaign = draft(recipients, **fields)
    add_test(campaign, **test or {})
    campaign = lifecycle.fire(campaign, "launch")
    launch.prepare(campaign.pk)
    OrmQ.objects.all().delete()
    return fresh(campaign)


def count_variants(campaign, **states):
    """How many recipients each variant has; None for those who are held."""
    found = Delivery.objects.filter(campaign=campaign, **states)
    return dict(Counter(found.values_list("variant", flat=True)))


def accept(campaign, **chosen):
    """As if these recipients had got their mail."""
    waiting = Delivery.objects.filter(campaign=campaign, due_at__isnull=False, **chosen)
    return waiting.update(status="accepted", due_at=None, sent_at=timezone.now())


def click(campaign, variant, amount):
    """So many people click in the mail of a variant."""
    able = Delivery.objects.filter(campaign=campaign, variant=variant, clicked_at=None)
    keys = able.exclude(status="uncertain").values_list("pk", flat=True)
    now = timezone.now()
    Delivery.objects.filter(pk__in=list(keys[:amount])).update(clicked_at=now, opened_at=now)


def advance(campaign, later=None):
    """Let the clock take the step that is due now, or so much later."""
    phases.advance_campaign(campaign.pk, timezone.now() + (later or timedelta(0)))
    return fresh(campaign)


def list_steps(campaign):
    """The verbs of its history, the first one first."""
    return [step.verb for step in campaign.history.order_by("pk")]
