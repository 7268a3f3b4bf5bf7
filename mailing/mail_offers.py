"""What a mail says of its offer, and when the code in it ends."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings

from campaigns import formats
from campaigns.annotations import JsonObject
from promotions.offers import Terms


class MailOffer(msgspec.Struct, frozen=True):
    """What all mails of a campaign say of its offer, and how the end of a code is found.

    ends_at: of the promotion, where it has an end. zone: IANA, in which days end. min_spend: with the code, in minor
    units of the site's currency; 0 for none.
    """

    label: str
    ends_at: datetime | None
    zone: str
    code_ends_at: datetime | None
    code_days: int | None
    min_spend: int = 0

    @classmethod
    def of_terms(
        cls, terms: Terms, code_ends_at: datetime | None, code_days: int | None, min_spend: int
    ) -> "MailOffer":
        """Make the offer of a mail of what its promotion says and what the campaign adds to it."""
        zone = terms.zone or settings.TIME_ZONE
        return cls(terms.label, terms.ends_at, zone, code_ends_at, code_days, min_spend)

    def find_code_end(self, now: datetime) -> datetime | None:
        """Return when the code of a mail that is sent now ends by itself."""
        if self.code_days is None:
            return self.code_ends_at
        zone = ZoneInfo(self.zone)
        day = now.astimezone(zone).date() + timedelta(days=self.code_days + 1)
        return datetime.combine(day, time(), zone)

    def write_values(self, code: str, token: str, now: datetime) -> JsonObject:
        """Return what templates read as `offer`; `token` is that of its page. No end is later than the promotion's."""
        ends = [end for end in (self.find_code_end(now), self.ends_at) if end]
        end = min(ends).astimezone(ZoneInfo(self.zone)) if ends else None
        base = f"{settings.PUBLIC_URL}/o/{token}"
        return {
            "code": code,
            "label": self.label,
            "ends_at": write_end(end) if end else "",
            "until": end.isoformat(timespec="minutes") if end else "",
            "min_spend": formats.money(self.min_spend) if self.min_spend else "",
            "page": base,
            "qr": f"{base}/qr.png",
            "barcode": f"{base}/barcode.png",
        }


def write_end(end: datetime) -> str:
    """Write the end of a code as the filter `date` reads it: the last day, with the hour where it ends within a day."""
    if end.time() == time():
        return (end.date() - timedelta(days=1)).isoformat()
    return end.replace(tzinfo=None).isoformat(" ", "minutes")
