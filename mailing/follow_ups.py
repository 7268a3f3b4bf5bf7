"""Second mails to recipients who did not click, or did not open, a campaign that has ended.

They are written into a new list at that moment, so that the draft goes to exactly these. Only what a person did counts
as a click or an open, not what a machine did. Contacts without consent are not among them: nobody knows what they did.
The launch skips those who have unsubscribed since.
"""

from enum import StrEnum
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.utils.translation import gettext as _

from campaigns import database_time, dates, refusals
from campaigns.annotations import Columns
from campaigns.formats import in_sentence
from campaigns.refusals import Refused
from campaigns.sentences import keep
from mailing import drafting
from mailing.models import EmailCampaign, Mode, RetentionCount


class MissingResponse(StrEnum):
    """What a recipient did not do."""

    CLICKED = "clicked"
    OPENED = "opened"

    @property
    def verb(self) -> str:
        return "click" if self == MissingResponse.CLICKED else "open"


class SilentCounts(NamedTuple):
    """How many recipients did not answer (`known`), and of how many nobody knows it (`untracked`)."""

    known: int
    untracked: int


# Those who got it and are not known to have answered, each with whether an answer would have been noted at any moment
# since: their decision of before it was sent allows it, or they had made none and the site needs none, and none since
# forbids it.
SILENT = """
SELECT delivery.contact_id, coalesce((
    SELECT is_granted FROM mailing_trackingconsent AS consent
    WHERE consent.contact_id = delivery.contact_id AND consent.at <= delivery.sent_at ORDER BY consent.id DESC LIMIT 1
), %(without)s) AND NOT EXISTS (
    SELECT FROM mailing_trackingconsent AS consent
    WHERE consent.contact_id = delivery.contact_id AND consent.at > delivery.sent_at AND NOT consent.is_granted
) AS is_tracked
FROM mailing_delivery AS delivery
WHERE delivery.campaign_id = %(campaign)s AND delivery.status = 'accepted' AND delivery.contact_id IS NOT NULL
  AND delivery.{asked}_at IS NULL
"""
COUNT = "SELECT count(*) FILTER (WHERE is_tracked), count(*) FILTER (WHERE NOT is_tracked) FROM ({silent}) AS silent"
TRACKED_SILENT = "SELECT contact_id FROM ({silent}) AS silent WHERE is_tracked"


def count_silent(campaign: EmailCampaign, asked: MissingResponse) -> SilentCounts:
    """Count the recipients who did not answer a campaign.

    Raises:
        Refused: the campaign does not keep who answered.
    """
    _refuse_unknowable(campaign, asked)
    with connection.cursor() as cursor:
        cursor.execute(COUNT.format(silent=SILENT.format(asked=asked)), _params(campaign))
        return SilentCounts(*cursor.fetchone())


def resend_to_silent(
    campaign: EmailCampaign, asked: MissingResponse, *, by: User | None = None
) -> EmailCampaign:
    """Make a draft of a campaign that has ended, for the recipients who have not answered it by now.

    Raises:
        Refused: it has not ended, does not keep who answered, everybody did, or `by` may not add campaigns.
    """
    refusals.require(by, "mailing.add_emailcampaign", _("add e-mail campaigns"))
    if not count_silent(campaign, asked).known:
        raise Refused(
            (
                _("Nobody who got “%(campaign)s” is known not to have clicked it.")
                if asked == MissingResponse.CLICKED
                else _("Nobody who got “%(campaign)s” is known not to have opened it.")
            )
            % {"campaign": campaign}
        )
    moment = dates.write_moment_for_all(database_time.now())
    return drafting.draft_for_list(
        campaign,
        keep(
            "Did not %(verb)s %(name)s, %(moment)s", verb=asked.verb, name=campaign.name[:100], moment=moment
        ),
        keep(
            "Recipients of “%(campaign)s” who had not %(asked)s it by %(moment)s.",
            campaign=campaign,
            asked=asked,
            moment=moment,
        ),
        TRACKED_SILENT.format(silent=SILENT.format(asked=asked)),
        _params(campaign),
        by=by,
    )


def _refuse_unknowable(campaign: EmailCampaign, asked: MissingResponse) -> None:
    if not campaign.is_final:
        raise Refused(
            _("“%(campaign)s” is %(status)s: only one that has ended can be sent again.")
            % {"campaign": campaign, "status": in_sentence(campaign.get_status_display())}
        )
    if campaign.mode != Mode.INDIVIDUAL:
        raise Refused(
            _("Nobody knows who did not %(verb)s “%(campaign)s”: of opens and clicks it keeps %(kept)s.")
            % {
                "verb": _(asked.verb),
                "campaign": campaign,
                "kept": _("only totals") if campaign.mode != Mode.NONE else _("nothing"),
            }
        )
    if RetentionCount.objects.filter(campaign=campaign).exists():
        raise Refused(
            _(
                "Nobody knows any more who did not %(verb)s “%(campaign)s”: opens and clicks are kept by "
                "name for %(tracking_months)s months."
            )
            % {"verb": _(asked.verb), "campaign": campaign, "tracking_months": settings.TRACKING_MONTHS}
        )
    if not (campaign.track_clicks if asked == MissingResponse.CLICKED else campaign.track_opens):
        raise Refused(
            (
                _("Nobody knows who did not click “%(campaign)s”: it does not track clicks.")
                if asked == MissingResponse.CLICKED
                else _("Nobody knows who did not open “%(campaign)s”: it does not track opens.")
            )
            % {"campaign": campaign}
        )


def _params(campaign: EmailCampaign) -> Columns:
    return {"campaign": campaign.pk, "without": settings.TRACKING_CONSENT == "opt-out"}
