"""Coupons: generates codes by the thousand, edits one, and judges the codes that a till sends."""

import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from msgspec import Struct

from campaigns import database_time, dates, instants, refusals, texts
from campaigns.annotations import Columns, ColumnValue, RowOrKey, StoredValue
from campaigns.refusals import Refused
from campaigns.workspace import spreadsheets
from promotions import engine
from promotions.codes import ALPHABET, code_as_stored, code_key
from promotions.engine.basket import CouponStatus
from promotions.engine.rules import Benefit
from promotions.models import Change, Coupon, Promotion
from promotions.publish.edit_conflicts import refuse_edit_conflict
from promotions.publish.version import lock_rules

MAX_CODES_OF_BATCH = 1_000_000  # codes of one batch
FIELDS = frozenset(
    {
        "code",
        "kind",
        "benefit",
        "active",
        "starts_at",
        "ends_at",
        "min_subtotal",
        "max_uses",
        "max_uses_per_customer",
        "customer",
    }
)


def generate_codes(
    promotion: Promotion,
    count: int,
    *,
    by: User | None = None,
    prefix: str = "",
    length: int = 10,
    batch: str = "",
    locations: Iterable[RowOrKey] = (),
    **fields: ColumnValue,
) -> str:
    """Make `count` coupons with random codes; 100,000 take a few seconds.

    Args:
        prefix: what every code begins with; `length`: of the random part, 8 to 30 letters.
        batch: the name of the batch; when empty it is made from the time.
        locations: where they are valid, or their keys; an empty list: everywhere.
        fields: of each coupon, by name (`FIELDS` without the code); one-time unless `kind` says otherwise.

    Returns:
        the name of the batch.

    Raises:
        Refused: a value is wrong, so many codes are not possible, or `by` may not.
    """
    refusals.require(by, "promotions.add_coupon", _("add coupons"))
    if not 1 <= count <= MAX_CODES_OF_BATCH:
        raise Refused(
            [
                (
                    "count",
                    _("Between 1 and %(max_codes_of_batch)s codes can be made at once.")
                    % {"max_codes_of_batch": f"{MAX_CODES_OF_BATCH:,}"},
                )
            ]
        )
    if not 8 <= length <= 30:
        raise Refused(
            [("length", _("The random part of a code has 8 to 30 letters: a shorter one can be guessed."))]
        )
    batch = batch or dates.write_exact_moment(database_time.now())
    coupon = Coupon(**{"kind": Coupon.Kind.ONE_TIME, **fields}, promotion=promotion, batch=batch)
    coupon.code = code_as_stored(prefix) + ALPHABET[0] * length
    _check(coupon)
    places = [location if isinstance(location, int) else location.pk for location in locations]
    with transaction.atomic(), connection.cursor() as cursor:
        hold_promotion(promotion.pk)
        missing = count
        while missing:  # again for the few that exist already
            codes = [coupon.code[:-length] + random_letters(length) for _ in range(missing)]
            cursor.execute(
                """
                INSERT INTO promotions_coupon (promotion_id, code, key, kind, benefit, active, starts_at, ends_at,
                    min_subtotal, max_uses, max_uses_per_customer, uses, overrun_uses, customer, batch, created_at)
                SELECT %s, unnest(%s::text[]), unnest(%s::text[]), %s, %s::jsonb, %s, %s, %s, %s, %s, %s, 0, 0,
                    %s, %s, %s
                ON CONFLICT DO NOTHING
                """,
                [
                    promotion.pk,
                    codes,
                    [code_key(code) for code in codes],
                    coupon.kind,
                    None if coupon.benefit is None else msgspec.json.encode(coupon.benefit).decode(),
                    coupon.active,
                    coupon.starts_at,
                    coupon.ends_at,
                    coupon.min_subtotal,
                    coupon.max_uses,
                    coupon.max_uses_per_customer,
                    coupon.customer,
                    batch,
                    database_time.now(),
                ],
            )
            missing -= cursor.rowcount
        if places:
            cursor.execute(
                "INSERT INTO promotions_coupon_locations (coupon_id, location_id) "
                "SELECT c.id, l.id FROM promotions_coupon c, unnest(%s::bigint[]) AS l(id) "
                "WHERE c.promotion_id = %s AND c.batch = %s ON CONFLICT DO NOTHING",
                [places, promotion.pk, batch],
            )
        Change.objects.create(
            promotion=promotion, what=Change.What.CODES_MADE, by=by, detail={"batch": batch, "codes": count}
        )
    return batch


def hold_promotion(promotion_id: int) -> None:
    """Keep a promotion from being deleted until the transaction ends.

    Raises:
        Refused: it is deleted already.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM promotions_promotion WHERE id = %s FOR KEY SHARE", [promotion_id])
        if not cursor.rowcount:
            raise Refused([("promotion", _("The promotion of this code was deleted: it is not valid."))])


def random_letters(length: int) -> str:
    """Draw `length` letters for a code, all equally likely."""
    number = secrets.randbelow(len(ALPHABET) ** length)
    letters = []
    for _place in range(length):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


def count_codes(promotion: Promotion) -> dict[str, int]:
    """Return how many codes a promotion has: `count`, `used` (of them at least once) and `off` (switched off)."""
    return promotion.coupons.aggregate(
        count=Count("pk"), used=Count("pk", filter=Q(uses__gt=0)), off=Count("pk", filter=Q(active=False))
    )


CSV_COLUMNS = (
    gettext_lazy("Code"),
    gettext_lazy("Promotion"),
    gettext_lazy("Kind"),
    gettext_lazy("Active"),
    gettext_lazy("Starts"),
    gettext_lazy("Ends"),
    gettext_lazy("Maximum uses"),
    gettext_lazy("Uses"),
    gettext_lazy("Customer"),
    gettext_lazy("Batch"),
)


def csv_lines(coupons: QuerySet[Coupon]) -> Iterator[str]:
    """Yield these coupons as CSV, after a line that names the columns; times in the site's zone."""
    rows = coupons.values_list(
        "code",
        "promotion__name",
        "kind",
        "active",
        "starts_at",
        "ends_at",
        "max_uses",
        "uses",
        "customer",
        "batch",
    )
    yield from spreadsheets.csv_lines([spreadsheets.write_headings(CSV_COLUMNS)])
    kinds = {key: spreadsheets.write_headings([label])[0] for key, label in Coupon.Kind.choices}
    said = {True: _("yes"), False: _("no")}
    yield from spreadsheets.csv_lines(
        (code, promotion, kinds[kind], said[active], *rest)
        for code, promotion, kind, active, *rest in rows.iterator(chunk_size=spreadsheets.CHUNK)
    )


def edits_of(coupon: Coupon) -> QuerySet[Change]:
    """Return the changes of this code, alone or with its batch: who edited or switched it."""
    what = Change.What
    alone = Q(what__in=[what.CODE_EDITED, what.CODE_ON, what.CODE_OFF], detail__code=coupon.code)
    with_others = Q(what__in=[what.CODES_ON, what.CODES_OFF], detail__batch=coupon.batch)
    return coupon.promotion.changes.filter(alone | with_others if coupon.batch else alone)


def save_coupon(
    coupon: Coupon | int | None,
    *,
    by: User | None = None,
    locations: Iterable[RowOrKey] | None = None,
    seen: int | None = None,
    **fields: ColumnValue,
) -> Coupon:
    """Create (None) or change one coupon; it counts from the very next sale.

    Args:
        fields: `promotion` for a new one, and new values by field name (`FIELDS`).
        locations: where it is valid, or their keys; an empty list: everywhere. None: left as they are.
        seen: the `last_edit` of its `edits` that the form showed; None overwrites any.

    Raises:
        EditConflict: it was changed since.
        Refused: a value is wrong, the code exists already, or `by` may not.
    """
    is_new = coupon is None
    action = "add" if is_new else "change"
    refusals.require(by, f"promotions.{action}_coupon", _("add coupons") if is_new else _("change coupons"))
    with transaction.atomic():
        if coupon is None:
            coupon = Coupon(promotion=fields.pop("promotion"))
        else:  # locked, since its row also counts
            key = coupon if isinstance(coupon, int) else coupon.pk
            _lock_rules_for_another_code(key, fields.get("code"))
            coupon = Coupon.objects.select_for_update(no_key=True).get(pk=key)
            refuse_edit_conflict(edits_of(coupon), seen)
        if unknown := fields.keys() - FIELDS:
            raise Refused(
                [
                    (name, _("“%(name)s” is not a field of a coupon that can be edited.") % {"name": name})
                    for name in sorted(unknown)
                ]
            )
        before = {name: getattr(coupon, name) for name in fields}
        for name, value in fields.items():
            setattr(coupon, name, value)
        _check(coupon)
        if is_new:
            hold_promotion(coupon.promotion_id)
        if Coupon.objects.filter(key=code_key(coupon.code)).exclude(pk=coupon.pk).exists():
            raise Refused([("code", _("The code “%(code)s” exists already.") % {"code": coupon.code})])
        coupon.save()
        changed = {name: [was, now] for name, was in before.items() if was != (now := getattr(coupon, name))}
        if locations is not None:
            was = sorted(coupon.locations.values_list("code", flat=True))
            coupon.locations.set(locations)
            after = sorted(coupon.locations.values_list("code", flat=True))
            if was != after:
                changed["locations"] = [was, after]
        if is_new or changed:
            _record(coupon, changed, by, is_new=is_new)
    return coupon


def _lock_rules_for_another_code(pk: int, code: ColumnValue) -> None:
    """Wait for the sales under way if a coupon shall have another code.

    A change of a key waits for every sale that refers to the coupon, and such a sale may wait for us to count its use.
    """
    if code is not None and not Coupon.objects.filter(pk=pk, key=code_key(f"{code}")).exists():
        lock_rules()


def _record(coupon: Coupon, changed: dict[str, list[StoredValue]], by: User | None, *, is_new: bool) -> None:
    """Record the change of one code in the history of its promotion."""
    detail: Columns = {"code": coupon.code}
    if is_new:
        what = Change.What.CODE_MADE
    elif changed.keys() == {"active"}:
        what = Change.What.CODE_ON if coupon.active else Change.What.CODE_OFF
    else:
        what = Change.What.CODE_EDITED
        detail["changed"] = changed
    Change.objects.create(promotion=coupon.promotion, what=what, by=by, detail=detail)


def _check(coupon: Coupon) -> None:
    coupon.code = code_as_stored(coupon.code)
    reasons = [
        (name, _("A time needs its time zone."))
        for name in ("starts_at", "ends_at")
        if isinstance(value := getattr(coupon, name), datetime) and timezone.is_naive(value)
    ]
    if not code_key(coupon.code) or any(
        letter.isspace() or not letter.isprintable() for letter in coupon.code
    ):
        reasons.append(("code", _("A code is made of letters, digits and signs without spaces.")))
    if coupon.promotion.trigger != Promotion.Trigger.COUPON:
        reasons.append(
            (
                "promotion",
                _("“%(promotion)s” applies without a coupon: set its trigger to coupon first.")
                % {"promotion": coupon.promotion},
            )
        )
    if coupon.promotion.deleted_at:
        reasons.append(("promotion", _("The promotion of this code was deleted: it is not valid.")))
    if coupon.kind == Coupon.Kind.ONE_TIME and coupon.uses > 1:
        reasons.append(("kind", _("It was used %(uses)s times already.") % {"uses": coupon.uses}))
    if coupon.benefit is not None:
        try:
            msgspec.convert(coupon.benefit, Benefit)
        except msgspec.ValidationError as error:
            reasons.append(("benefit", f"{error}."))
    reasons += [
        (name, texts.SENTENCE)
        for name in ("benefit", "customer", "batch", "code")
        if not texts.is_storable(getattr(coupon, name))
    ]
    for name in ("starts_at", "ends_at"):
        moment = getattr(coupon, name)
        if (
            isinstance(moment, datetime)
            and not timezone.is_naive(moment)
            and not instants.is_possible(moment)
        ):
            reasons.append((name, str(instants.SENTENCE)))
    if not reasons:
        try:
            coupon.full_clean(validate_unique=False, validate_constraints=False)
        except ValidationError as error:
            reasons += [(name, " ".join(said)) for name, said in error.message_dict.items()]
        if coupon.starts_at and coupon.ends_at and coupon.ends_at <= coupon.starts_at:
            reasons.append(("ends_at", _("The end must be after the start.")))
        for name in ("max_uses", "max_uses_per_customer"):
            if getattr(coupon, name) is not None and getattr(coupon, name) < 1:
                reasons.append((name, _("This must be a whole number above 0, or empty for no limit.")))
        if coupon.min_subtotal < 0:
            reasons.append(("min_subtotal", _("This cannot be below 0.")))
    if reasons:
        raise Refused(reasons)


# ── at the till ──────────────────────────────────────────────────────────────────────────────────────────────────────


class KnownCoupon(Struct, frozen=True, array_like=True):
    """What the database knows of one code that a till sent, as `typed`. `locations`: their codes, empty = everywhere.

    `limit`, `uses`: in all; `customer_uses`: by this sale's customer.
    """

    typed: str
    id: int
    promotion: int
    benefit: str | None
    active: bool
    starts_at: datetime | None
    ends_at: datetime | None
    min_subtotal: int
    limit: int | None
    limit_per_customer: int | None
    uses: int
    customer: str
    customer_uses: int
    locations: frozenset[str]


def judge_code(
    code: str,
    found: KnownCoupon | None,
    *,
    subtotal: int,
    location: str,
    customer: str,
    now: datetime,
    unlimited: bool = False,
) -> engine.PresentedCoupon:
    """Judge a code; return it for the engine with its status: the first check that it fails, or `valid`.

    The checks in their order: it exists and is active; its dates; the minimum subtotal (of the lines as sent); the
    location; all uses; uses by this customer, whom some coupons need to know. `unlimited`: uses are not checked.
    """
    if found is None:
        return engine.PresentedCoupon(code=code, status="coupon_unknown")
    status: CouponStatus = "valid"
    need: int | str | None = None
    have: int | str | None = None
    if not found.active:
        status = "coupon_inactive"
    elif found.starts_at is not None and now < found.starts_at:
        status, need, have = "coupon_not_started", found.starts_at.isoformat(), now.isoformat()
    elif found.ends_at is not None and found.ends_at <= now:
        status, need, have = "coupon_ended", found.ends_at.isoformat(), now.isoformat()
    elif subtotal < found.min_subtotal:
        status, need, have = "coupon_min_subtotal", found.min_subtotal, subtotal
    elif found.locations and location not in found.locations:
        status, need, have = "coupon_wrong_location", ", ".join(sorted(found.locations)), location
    elif found.limit is not None and found.uses >= found.limit and not unlimited:
        status, need, have = "coupon_used", found.limit, found.uses
    elif (found.customer or found.limit_per_customer is not None) and not customer:
        status = "needs_customer"
    elif found.customer and found.customer != customer:
        status = "coupon_not_yours"
    elif (
        found.limit_per_customer is not None
        and found.customer_uses >= found.limit_per_customer
        and not unlimited
    ):
        status, need, have = "coupon_customer_limit", found.limit_per_customer, found.customer_uses
    benefit = None if found.benefit is None else msgspec.json.decode(found.benefit, type=Benefit)
    return engine.PresentedCoupon(
        code=code, promotion=found.promotion, status=status, benefit=benefit, need=need, have=have
    )
