"""The codes that an offer's recipients get: made in SQL, a million as quickly as a few.

A code is the campaign's prefix, eight random letters of `promotions.codes.ALPHABET` and the letter that checks them.
The random part comes from PostgreSQL's strong source (gen_random_uuid), of whose last 48 bits all are random.
"""

import secrets
from typing import NamedTuple

from django.db import connection

from campaigns import database_time
from campaigns.annotations import Argument
from mailing.models import Delivery, EmailCampaign
from pos.models import Location
from promotions.codes import ALPHABET, code_as_stored, code_key, find_check_letter
from promotions.models import Coupon

RANDOM_LETTERS = 8
LONGEST_CODE = 40
SAMPLE_LETTERS = "RTKMWHPX"  # of the code that previews and test mails show

_DIGITS = [f"mod(number / {len(ALPHABET) ** place}, {len(ALPHABET)})" for place in range(RANDOM_LETTERS)]
_LETTERS = " || ".join(f"substr('{ALPHABET}', {digit}::int + 1, 1)" for digit in _DIGITS)
_CHECK = " + ".join(f"{weight} * {digit}" for weight, digit in enumerate(_DIGITS, start=1))
# for a recipient whose code existed already; one draw in a thousand million meets another code
MOST_DRAWS = 10

# Parts of a statement, after a common table expression `recipients` with contact_id. A code that exists is left out.
_DRAW = f"""
drawn AS MATERIALIZED (
    SELECT contact_id, ('x' || right(gen_random_uuid()::text, 12))::bit(48)::bigint AS number FROM recipients
),
lettered AS MATERIALIZED (
    SELECT contact_id, {_LETTERS} || substr('{ALPHABET}', mod({_CHECK}, {len(ALPHABET)})::int + 1, 1) AS letters
    FROM drawn
),"""
_CODED = """
coded AS (
    INSERT INTO promotions_coupon (promotion_id, code, key, kind, active, ends_at, min_subtotal, uses, overrun_uses,
                                   customer, made_for, batch, created_at)
    SELECT %s, %s || letters, %s || lower(letters COLLATE "C"), 'one_time', true, %s::timestamptz, %s, 0, 0,
           {customer}, contact_id, %s, %s::timestamptz
    FROM lettered{join}
    ORDER BY contact_id
    ON CONFLICT DO NOTHING
    RETURNING id, made_for
)"""
FOR_ANYBODY = _DRAW + _CODED.format(customer="''", join="")
FOR_THE_CUSTOMER = _DRAW + _CODED.format(
    customer="contact.customer_id", join=" JOIN mailing_contact AS contact ON contact.id = contact_id"
)

REFILL = """
WITH recipients AS (
    SELECT contact_id FROM mailing_delivery
    WHERE campaign_id = %s AND coupon_id IS NULL AND status <> 'held_out'
),{draw}
UPDATE mailing_delivery AS delivery SET coupon_id = coded.id FROM coded
WHERE delivery.campaign_id = %s AND delivery.contact_id = coded.made_for
"""

PLACE = """
INSERT INTO promotions_coupon_locations (coupon_id, location_id)
SELECT coupon.id, location.id FROM promotions_coupon AS coupon, pos_location AS location
WHERE coupon.batch = %s AND coupon.batch <> '' AND location.code = ANY(%s)
ON CONFLICT DO NOTHING
"""

# Of recipients whom the mail never reached. Locked in the order in which sales lock coupons.
SWITCH_OFF_UNSENT = """
UPDATE promotions_coupon SET active = false WHERE id IN (
    SELECT coupon.id FROM promotions_coupon AS coupon
    JOIN mailing_delivery AS delivery ON delivery.coupon_id = coupon.id
    WHERE delivery.campaign_id = %s AND delivery.status IN ('skipped', 'failed', 'bounced')
      AND delivery.sent_at IS NULL AND coupon.made_for IS NOT NULL AND coupon.active
    ORDER BY coupon.id FOR NO KEY UPDATE OF coupon
)
"""


class Codes(NamedTuple):
    """How the deliveries of a launch get their codes: parts of its statement, and their parameters.

    draw: the common table expression that makes codes, or "". coupon: the delivery's coupon. join: what that reads.
    """

    draw: str = ""
    draw_params: tuple[Argument, ...] = ()
    coupon: str = "NULL::bigint"
    join: str = ""


def plan_codes(campaign: EmailCampaign) -> Codes:
    """Return how the recipients of a campaign get their codes; a shared one is made here."""
    if campaign.offer_id is None:
        return Codes()
    if campaign.code_kind == EmailCampaign.CodeKind.SHARED:
        return Codes(coupon=f"{_find_shared_coupon(campaign).pk}::bigint")
    return Codes(
        f",{_write_draw(campaign)}",
        _draw_params(campaign),
        "coded.id",
        "\n    LEFT JOIN coded ON coded.made_for = recipients.contact_id",
    )


def _write_draw(campaign: EmailCampaign) -> str:
    return FOR_THE_CUSTOMER if campaign.code_is_bound else FOR_ANYBODY


def _draw_params(campaign: EmailCampaign) -> tuple[Argument, ...]:
    prefix = code_as_stored(campaign.code_prefix)
    return (
        campaign.offer_id,
        prefix,
        code_key(prefix),
        campaign.code_ends_at,
        campaign.code_min_spend,
        name_batch(campaign),
        database_time.now(),
    )


def name_batch(campaign: EmailCampaign) -> str:
    """Return the name under which the codes of a campaign are kept together."""
    return f"E-mail {campaign.pk}"


def refill_codes(campaign: EmailCampaign) -> None:
    """Give a code to each recipient whose first one existed already."""
    if campaign.offer_id is None or campaign.code_kind == EmailCampaign.CodeKind.SHARED:
        return
    statement = REFILL.format(draw=_write_draw(campaign))
    for _ in range(MOST_DRAWS):
        without = Delivery.objects.filter(campaign=campaign, coupon=None)
        if not without.exclude(status=Delivery.Status.HELD_OUT).exists():
            return
        with connection.cursor() as cursor:
            cursor.execute(statement, [campaign.pk, *_draw_params(campaign), campaign.pk])


def place_codes(campaign: EmailCampaign) -> None:
    """Let the codes of a campaign be good at its locations only, where it names some."""
    if campaign.offer_id is not None and campaign.code_locations:
        with connection.cursor() as cursor:
            cursor.execute(PLACE, [name_batch(campaign), campaign.code_locations])


def list_places(coupon: Coupon) -> list[Location]:
    """List the locations where a code is good: its own, else those of its promotion; none where it is everywhere."""
    return list(coupon.locations.all()) or list(coupon.promotion.locations.all())


def find_coupon(code: str) -> Coupon | None:
    """Return the coupon that has this code already."""
    return Coupon.objects.select_related("promotion").filter(key=code_key(code)).first() if code else None


def _find_shared_coupon(campaign: EmailCampaign) -> Coupon:
    """Return the coupon that all recipients get: the one with the code that was typed, else one that is made."""
    code = code_as_stored(campaign.code_prefix)
    while True:
        if code and (known := find_coupon(code)):
            return known
        made = code or draw_code()
        coupon, is_new = Coupon.objects.get_or_create(
            key=code_key(made),
            defaults={
                "promotion_id": campaign.offer_id,
                "code": made,
                "kind": Coupon.Kind.MULTI_USE,
                "ends_at": campaign.code_ends_at,
                "min_subtotal": campaign.code_min_spend,
                "batch": name_batch(campaign),
            },
        )
        if is_new:
            return coupon


def draw_code(prefix: str = "") -> str:
    """Draw one code as SQL does."""
    letters = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LETTERS))
    return f"{prefix}{letters}{find_check_letter(letters)}"


def write_sample_code(campaign: EmailCampaign) -> str:
    """Return a code that looks like those the recipients will get. No till knows it."""
    prefix = code_as_stored(campaign.code_prefix)
    if campaign.code_kind == EmailCampaign.CodeKind.SHARED and prefix:
        return prefix
    return f"{prefix}{SAMPLE_LETTERS}{find_check_letter(SAMPLE_LETTERS)}"


def switch_off_unsent(campaign_id: int) -> int:
    """Switch off the codes of a cancelled or failed campaign that nobody was sent; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(SWITCH_OFF_UNSENT, [campaign_id])
        switched: int = cursor.rowcount
    return switched
