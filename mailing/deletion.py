"""Deletes lists and segments. Campaigns that are over keep their names; a campaign that may still send prevents it."""

from django.db import models, transaction

from campaigns.formats import in_sentence
from campaigns.models import Campaign
from campaigns.refusals import Refused
from campaigns.sentences import keep, mark
from mailing.models import ContactList, Segment, Target

Status = Campaign.Status
MAY_SEND = (Status.DRAFT, Status.SCHEDULED, Status.RUNNING, Status.PAUSED)
CAMPAIGNS_NAMED = 5


def delete_list(row: ContactList) -> None:
    """Delete a list; its contacts stay.

    Raises:
        Refused: a campaign that may still send names it.
    """
    _delete(row, "list")


def delete_segment(row: Segment) -> None:
    """Delete a segment.

    Raises:
        Refused: a campaign that may still send names it.
    """
    _delete(row, "segment")


def _delete(row: models.Model, kind: str) -> None:
    with transaction.atomic():
        type(row)._default_manager.select_for_update(of=["self"]).get(pk=row.pk)
        targets = Target.objects.filter(**{kind: row.pk})
        holding = (
            targets.filter(campaign__status__in=MAY_SEND).select_related("campaign").order_by("-campaign")
        )
        campaigns = [target.campaign for target in holding[: CAMPAIGNS_NAMED + 1]]
        if campaigns:
            named = ", ".join(
                f"“{campaign}” ({in_sentence(campaign.get_status_display())})"
                for campaign in campaigns[:CAMPAIGNS_NAMED]
            )
            more = mark(" and others") if len(campaigns) > CAMPAIGNS_NAMED else ""
            raise Refused(
                keep(
                    "“%(row)s” cannot be deleted: these campaigns name it: %(named)s%(more)s. They may still "
                    "send: take it out of them first, or cancel them.",
                    row=row,
                    named=named,
                    more=more,
                )
            )
        # the guard of campaigns that are over lets exactly this through
        targets.update(gone=str(row), gone_key=f"{kind} {row.pk}", **{kind: None})
        row.delete()
