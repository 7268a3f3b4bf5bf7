"""The order of work of campaigns: live, paused, coming (the soonest first), drafts, over.

The list sorts by these expressions, and an index of the table holds the same ones: so a page reads only its own rows.
"""

from datetime import UTC, datetime

from django.db.models import Case, DateTimeField, IntegerField, Value, When
from django.db.models.functions import Coalesce

ORDER_OF_WORK = (("running", "active"), ("paused",), ("scheduled",), ("draft",))
FAR_FUTURE = Value(
    datetime(9000, 1, 1, tzinfo=UTC), output_field=DateTimeField()
)  # after every instant of ours
PLACE = Case(
    *(When(status__in=states, then=Value(place)) for place, states in enumerate(ORDER_OF_WORK)),
    default=Value(len(ORDER_OF_WORK)),
    output_field=IntegerField(),
)
SOONEST = Case(
    When(status="scheduled", then=Coalesce("starts_at", FAR_FUTURE)),
    default=FAR_FUTURE,
    output_field=DateTimeField(),
)
