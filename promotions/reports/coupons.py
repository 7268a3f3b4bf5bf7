"""How codes were used, and what tills without connection gave beyond a limit."""

from django.db.models import Count, Max, Q
from django.urls import reverse
from django.utils import timezone

from promotions.models import Coupon, Overrun
from promotions.reports.ledger import GIVEN, SALES, USES, Asked, Column, Report, Row, figures, ledger

BADGES = {Coupon.State.USABLE: "enabled", Coupon.State.COMING: "scheduled", Coupon.State.USED_UP: "paused"}


def by_coupon(asked: Asked) -> Report:
    """How each code was used: by how many customers, and how often by one at most."""
    lines = ledger(asked).exclude(coupon=None)
    found = (
        lines.values("coupon", "coupon__code", "promotion__name")
        .annotate(
            **figures(),
            customers=Count("sale__customer", distinct=True, filter=~Q(sale__customer="")),
            last=Max("at"),
        )
        .order_by("-given", "coupon")
    )
    states = dict(
        Coupon.objects.with_state(timezone.now())
        .filter(pk__in=lines.values("coupon"))
        .values_list("pk", "state")
    )
    rows = [
        {
            **row,
            "name": row["coupon__code"],
            "promotion": row["promotion__name"],
            "state": Coupon.State(states[row["coupon"]]).label.lower(),
            "badge": BADGES.get(states[row["coupon"]], "inactive"),
            "url": reverse("promotions:coupon", args=[row["coupon"]]),
        }
        for row in found
    ]
    columns = (
        Column("name", "Code"),
        Column("promotion", "Promotion"),
        Column("state", "State", "badge"),
        SALES,
        Column("customers", "Known customers", "number"),
        Column("last", "Last used", "moment"),
        USES,
        GIVEN,
    )
    return Report("coupon", "Coupon usage", columns, rows, lines.aggregate(**figures()), drawn="bars")


def beyond_limits(asked: Asked) -> Report:
    """What tills without connection gave beyond a limit, line by line."""
    found = (
        Overrun.objects.filter(redemption__in=ledger(asked))
        .select_related("redemption__sale__location", "redemption__promotion", "redemption__campaign")
        .order_by("-redemption__at", "-pk")
    )
    rows: list[Row] = [
        {
            "name": line.redemption.promotion.name,
            "url": reverse("promotions:promotion", args=[line.redemption.promotion_id]),
            "campaign": line.redemption.campaign.name if line.redemption.campaign else "",
            "location": line.redemption.sale.location.name,
            "sale": line.redemption.sale.reference,
            "last": line.redemption.at,
            "uses": max(line.campaign_uses, line.promotion_uses, line.coupon_uses, key=abs),
            "given": line.amount,
        }
        for line in found
    ]
    columns = (
        Column("name", "Promotion"),
        Column("campaign", "Campaign"),
        Column("location", "Location"),
        Column("sale", "Sale"),
        Column("last", "When", "moment"),
        Column("uses", "Uses beyond", "number"),
        Column("given", "Discount beyond", "money"),
    )
    sums = {"given": sum(row["given"] for row in rows), "uses": sum(row["uses"] for row in rows)}
    return Report("beyond", "Beyond limits", columns, rows, sums)
