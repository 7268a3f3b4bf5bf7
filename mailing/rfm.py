"""RFM classes: customers by how recently, how frequently and for how much money they bought.

Of everybody who bought something within a year, each fifth gets 1 to 5: by the last purchase, by the number of
purchases, and by what was paid less what came back, in the site's currency. A purchase that was paid back whole is
none. 5 is the best fifth. Of two who are equal in one the other two decide, then the customer number, so that each
fifth is as large as the others. Who bought nothing within the year has no class.

A class is one of `CLASSES`, made of recency and of the mean of the other two, rounded up; or one fifth of one of the
three, as "recency 5". Customers are counted whether they are contacts or not.
"""

from django.conf import settings
from django.utils.text import format_lazy
from django.utils.translation import gettext, gettext_lazy

from mailing.comparing import Condition, is_among
from mailing.purchases import KEPT_SALE

DAYS = 365

# The recency and the mean of the other two that belong to each class: every customer belongs to exactly one.
CLASSES = {
    "champions": (gettext_lazy("Champions"), (4, 5), (5,)),
    "loyal": (gettext_lazy("Loyal customers"), (3, 4, 5), (4,)),
    "loyal_fading": (gettext_lazy("Lapsing best customers"), (3,), (5,)),
    "promising": (gettext_lazy("Potential loyalists"), (4, 5), (2, 3)),
    "new": (gettext_lazy("New customers"), (4, 5), (1,)),
    "attention": (gettext_lazy("Need attention"), (3,), (2, 3)),
    "drowsy": (gettext_lazy("About to sleep"), (3,), (1,)),
    "at_risk": (gettext_lazy("At risk"), (1, 2), (3, 4)),
    "must_not_lose": (gettext_lazy("Can’t lose them"), (1, 2), (5,)),
    "asleep": (gettext_lazy("Hibernating"), (1, 2), (1, 2)),
}
MEASURES = {
    "recency": gettext_lazy("Recency"),
    "frequency": gettext_lazy("Frequency"),
    "money": gettext_lazy("Money"),
}
QUINTILES = {
    f"{measure} {fifth}": format_lazy(
        gettext_lazy("{measure}: fifth {fifth} of 5 (the best)")
        if fifth == 5
        else gettext_lazy("{measure}: fifth {fifth} of 5"),
        measure=label,
        fifth=fifth,
    )
    for measure, label in MEASURES.items()
    for fifth in (5, 4, 3, 2, 1)
}

# One pass over the index of the sales of customers, which is a tenth of what their lines are.
SCORED = f"""
SELECT customer, ntile(5) OVER (ORDER BY last, times, money, customer COLLATE "C") AS recency,
       ntile(5) OVER (ORDER BY times, money, last, customer COLLATE "C") AS frequency,
       ntile(5) OVER (ORDER BY money, times, last, customer COLLATE "C") AS money
FROM (
    SELECT sale.customer, max(sale.at) AS last, count(*) AS times,
           coalesce(
               sum(sale.total - coalesce(sale.returned_total, 0)) FILTER (WHERE sale.currency = %s), 0
           )::bigint AS money
    FROM pos_sale AS sale
    WHERE sale.state = 'committed' AND sale.customer <> '' AND sale.at > now() - interval '{DAYS} days'
      AND {KEPT_SALE.format(sale="sale")}
    GROUP BY sale.customer
) AS bought
"""


def describe_class(name: str) -> str:
    """Say in a sentence who belongs to a class of `CLASSES`."""
    _, recent, worth = CLASSES[name]
    return gettext(
        "Of those who bought within %(days)s days: recency %(recent)s of 5, frequency and money "
        "together %(worth)s of 5."
    ) % {"days": DAYS, "recent": _say(recent), "worth": _say(worth)}


def _say(fifths: tuple[int, ...]) -> str:
    return gettext(" or ").join(map(str, fifths))


def compile_class(name: str) -> Condition:
    """Return who belongs to a class of `CLASSES` or `QUINTILES`, as a condition on `contact`."""
    if name in CLASSES:
        _, recent, worth = CLASSES[name]
        wanted = f"recency IN ({_list(recent)}) AND (frequency + money + 1) / 2 IN ({_list(worth)})"
    else:
        measure, _, fifth = name.partition(" ")
        wanted = f"{measure} = {int(fifth)}"
    found = f"SELECT scored.customer FROM ({SCORED}) AS scored WHERE {wanted}"
    return Condition(is_among("contact.customer_id", found), [settings.CURRENCY])


def _list(numbers: tuple[int, ...]) -> str:
    return ", ".join(map(str, numbers))
