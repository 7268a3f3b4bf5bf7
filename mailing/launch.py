"""Launching an e-mail campaign: validation, recipients, connections, frozen content."""

from django.db import transaction
from django_q.tasks import async_task

from mailing.models import Delivery, EmailCampaign


def problems(campaign: EmailCampaign) -> list[tuple[str, str]]:
    """Everything that stands against sending this campaign: (field, sentence) each; never uses the network."""
    reasons = []
    if not campaign.subject.strip():
        reasons.append(("subject", "The subject is missing."))
    if not campaign.from_email:
        reasons.append(("from_email", "The sender address is missing."))
    if not campaign.body.strip():
        reasons.append(("body", "The content is missing."))
    if not campaign.targets.filter(mode="include").exists():
        reasons.append(("targets", "Choose at least one list or segment to send to."))
    if campaign.connection is None:
        reasons.append(("connection", "Choose an SMTP connection."))
    return reasons


def unfinished(campaign: EmailCampaign) -> list[tuple[str, str]]:
    """Why the campaign is not complete yet."""
    if campaign.prepared_at is None:
        return [("", f"“{campaign}” is still being prepared: it cannot complete.")]
    left = campaign.deliveries.filter(status__in=Delivery.UNFINISHED).count()
    return [("", f"“{campaign}” has {left} recipients left: it cannot complete.")] if left else []


def follow(campaign: EmailCampaign, verb: str) -> None:
    """Queue what a step leads to."""
    if verb in ("launch", "resume"):
        transaction.on_commit(lambda: async_task("mailing.tasks.prepare", campaign.pk))


def prepare(campaign_id: int) -> None:
    """Steps 2 to 4 of the launch: recipients, connections, frozen content. Safe to run twice."""
