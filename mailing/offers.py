"""The offer a mail carries: whether it lives, what the mail says of it, and the pause when it stops.

A mail never promises a dead discount. The statements that claim and mark deliveries ask
`mailing_find_offer_fault` (mailing/migrations/0003_ledger.py) themselves; what stands here launches nothing dead, and
pauses and resumes. A mail may also be linked to a campaign at the till, with an offer or without: it stops with that
one.
"""

import logging
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, transaction
from django.utils.translation import gettext as _

from campaigns import database_time, dates, lifecycle
from campaigns.annotations import JsonObject
from campaigns.clock import run_for_each
from campaigns.sentences import keep, mark
from mailing import codes, content
from mailing.mail_offers import MailOffer
from mailing.models import Delivery, EmailCampaign
from mailing.sending import tokens
from pos.models import Location
from promotions import offers
from promotions.offers import Fault

logger = logging.getLogger(__name__)

Problem = tuple[str, str]
LONGEST_WAIT = timedelta(days=1)  # until a recipient's local time comes

# Running campaigns whose offer stopped, and paused ones that go on by themselves and whose offer is back.
_TO_PAUSE = """
SELECT email.campaign_ptr_id FROM mailing_emailcampaign AS email
JOIN campaigns_campaign AS campaign ON campaign.id = email.campaign_ptr_id
WHERE (email.offer_id IS NOT NULL OR email.promotion_campaign_id IS NOT NULL) AND campaign.status = 'running'
  AND mailing_find_offer_fault(email.campaign_ptr_id, %s) NOT IN ('', 'held')
ORDER BY 1
"""
_TO_RESUME = """
SELECT email.campaign_ptr_id FROM mailing_emailcampaign AS email
JOIN campaigns_campaign AS campaign ON campaign.id = email.campaign_ptr_id
WHERE (email.offer_id IS NOT NULL OR email.promotion_campaign_id IS NOT NULL) AND campaign.status = 'paused'
  AND email.offer_stopped_at IS NOT NULL
  AND email.resumes_with_offer AND mailing_find_offer_fault(email.campaign_ptr_id, %s) = ''
ORDER BY 1
"""


# ── whether it lives ─────────────────────────────────────────────────────────────────────────────────────────────────


def find_fault(campaign: EmailCampaign, at: datetime) -> Fault | None:
    """Return why what the campaign promises gives nothing at `at`; None when it does, or will, or there is nothing."""
    if campaign.offer_id is not None and campaign.code_ends_at is not None and campaign.code_ends_at <= at:
        ended = dates.write_moment_for_all(campaign.code_ends_at)
        cure = mark("Nothing brings it back: duplicate it with a later end.")
        return Fault(keep("The codes ended on %(ended)s.", ended=ended), cure, field="code_ends_at")
    if campaign.promotion_campaign_id is not None and (
        fault := offers.find_campaign_fault(campaign.promotion_campaign_id, at)
    ):
        return fault
    return None if campaign.offer_id is None else offers.find_fault(campaign.offer_id, at)


def find_problems(campaign: EmailCampaign, at: datetime | None = None) -> list[Problem]:
    """Return what stands against sending the campaign's offer: (field, sentence) each.

    at: when it is to be sent; now where that is not said.
    """
    problems = [*_find_location_problems(campaign), *_find_code_problems(campaign)]
    last = (at or database_time.now()) + (LONGEST_WAIT if campaign.local_time else timedelta())
    if fault := find_fault(campaign, last):
        when = (
            "" if at is None else keep(" When the mail is sent, %(campaign)s.", campaign=_name_loss(campaign))
        )
        problems.append((fault.field, f"{fault.sentence}{when}"))
    return problems


def _name_loss(campaign: EmailCampaign) -> str:
    return mark("no discount would be given") if campaign.offer_id is None else mark("no code would be valid")


def _find_location_problems(campaign: EmailCampaign) -> list[Problem]:
    """Return what stands against the locations of the codes: gone, or none of those where the promotion applies."""
    if campaign.offer is None or not campaign.code_locations:
        return []
    asked = campaign.code_locations
    known = set(Location.objects.filter(code__in=asked).values_list("code", flat=True))
    if gone := [code for code in asked if code not in known]:
        return [("code_locations", keep("There is no location “%(gone)s” any more.", gone=gone[0]))]
    own = set(campaign.offer.locations.values_list("code", flat=True))
    if own and not own & known:
        return [
            (
                "code_locations",
                keep("“%(offer)s” applies at none of the locations of the codes.", offer=campaign.offer),
            )
        ]
    return []


def _find_code_problems(campaign: EmailCampaign) -> list[Problem]:
    if campaign.offer_id is None or campaign.code_kind != EmailCampaign.CodeKind.SHARED:
        return []
    problems = []
    if campaign.code_days is not None:
        problems.append(
            ("code_days", _("One code for everybody has one end: give a date in place of a number of days."))
        )
    if campaign.code_is_bound:
        problems.append(("code_is_bound", _("One code for everybody cannot be bound to each customer.")))
    known = codes.find_coupon(campaign.code_prefix)
    if known and known.promotion_id != campaign.offer_id:
        said = _("The code “%(known)s” exists already, for the promotion “%(promotion)s”.") % {
            "known": known,
            "promotion": known.promotion,
        }
        problems.append(("code_prefix", said))
    elif known and not known.active:
        problems.append(("code_prefix", _("The code “%(known)s” is switched off.") % {"known": known}))
    return problems


# ── pausing and resuming ─────────────────────────────────────────────────────────────────────────────────────────────


def follow_offers(now: datetime) -> None:
    """Pause the campaigns whose offer stopped, and resume those that are to go on with it."""
    run_for_each(_list_keys(_TO_PAUSE, now), partial(pause_with_offer, now=now))
    run_for_each(_list_keys(_TO_RESUME, now), partial(resume_with_offer, now=now))


def _list_keys(statement: str, now: datetime) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(statement, [now])
        return [row[0] for row in cursor.fetchall()]


def pause_with_offer(campaign_id: int, now: datetime) -> None:
    """Pause a running campaign whose offer stopped, with the reason; one that runs no more stays as it is."""
    campaign = EmailCampaign.objects.get(pk=campaign_id)
    fault = find_fault(campaign, now)
    if fault is None:
        return
    goes_on = (
        mark("It resumes automatically after that.")
        if campaign.resumes_with_offer
        else mark("Resume it after that.")
    )
    try:
        with transaction.atomic():
            lifecycle.fire(campaign, "pause", why=f"{fault.sentence} {fault.cure} {goes_on}", now=now)
            EmailCampaign.objects.filter(pk=campaign_id).update(offer_stopped_at=now)
    except lifecycle.Refused as refused:
        logger.info("Campaign %s was not paused with its offer: %s", campaign_id, refused)


def resume_with_offer(campaign_id: int, now: datetime) -> None:
    """Resume a campaign that paused because its offer had stopped."""
    try:
        lifecycle.fire(campaign_id, "resume", why=mark("Its offer is valid again."), now=now)
    except lifecycle.Refused as refused:
        logger.info("Campaign %s was not resumed with its offer: %s", campaign_id, refused)


def forget_stop(campaign: EmailCampaign) -> None:
    """Note that the campaign goes on."""
    EmailCampaign.objects.filter(pk=campaign.pk).exclude(offer_stopped_at=None).update(offer_stopped_at=None)


# ── what a mail says ─────────────────────────────────────────────────────────────────────────────────────────────────


def read_mail_offer(campaign: EmailCampaign) -> MailOffer | None:
    """Read the offer of a campaign, saved or not."""
    if campaign.offer_id is None:
        return None
    terms = offers.read_terms(campaign.offer_id, campaign.code_locations)
    return MailOffer.of_terms(terms, campaign.code_ends_at, campaign.code_days, campaign.code_min_spend)


def write_sample_values(campaign: EmailCampaign) -> JsonObject | None:
    """Return what a preview or a test mail reads as `offer`."""
    offer = read_mail_offer(campaign)
    if offer is None:
        return None
    code = codes.write_sample_code(campaign)
    token = tokens.sign_token(tokens.TEST_DELIVERY_ID, tokens.Purpose.OFFER)
    return offer.write_values(code, token, database_time.now())


def write_values_of(delivery_id: int) -> JsonObject | None:
    """Return what the mail of this delivery says of its offer."""
    delivery = Delivery.objects.select_related("campaign", "coupon").filter(pk=delivery_id).first()
    if delivery is None or delivery.coupon is None:
        return None
    offer = read_mail_offer(delivery.campaign)
    if offer is None:
        return None
    token = tokens.sign_token(delivery.pk, tokens.Purpose.OFFER)
    return offer.write_values(delivery.coupon.code, token, delivery.sent_at or database_time.now())


def read_note(campaign: EmailCampaign) -> content.OfferNote | None:
    """Return what the compiler must know of the offer."""
    offer = read_mail_offer(campaign)
    if offer is None:
        return None
    has_end = bool(offer.code_days or offer.code_ends_at or offer.ends_at)
    return content.OfferNote(offer.label, has_end)
