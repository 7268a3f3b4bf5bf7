"""From when until when a campaign is live."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

from django.utils import timezone

from campaigns.models import Campaign


@dataclass(frozen=True)
class Period:
    """A campaign, and from when until when it is live, or is to be. ends_at None: nobody has set an end."""

    campaign: Campaign
    begins_at: datetime
    ends_at: datetime | None

    @cached_property
    def days(self) -> tuple[date, date]:
        """The first and the last day in the zone of the user; the end is the first moment that is no longer part."""
        first = timezone.localdate(self.begins_at)
        if self.ends_at is None:
            return first, date.max
        return first, max(first, timezone.localdate(self.ends_at - timedelta(microseconds=1)))
