"""Which link of a mail a provider's click is about."""

import re

from mailing import content, plain_targets
from mailing.models import Delivery
from mailing.sending import tokens

_find_own = re.compile(r"/t/c/([\w-]{24,60})/(\d{1,6})(?!\d)").search


def find_index(delivery_id: int, url: str) -> int | None:
    """Return the number of the link that `url` is: ours that leads there, or where it leads; None where it is neither.

    A link that differs by recipient is known by ours alone.
    """
    try:
        campaign = Delivery.objects.values_list("campaign_id", flat=True).get(pk=delivery_id)
        compiled = plain_targets.load_content(campaign)
    except (Delivery.DoesNotExist, plain_targets.NoFile):
        return None
    if found := _find_own(url):
        index = int(found[2])
        return index if _is_of(delivery_id, found[1]) and index < len(compiled.links) else None
    return next(
        (index for index in range(len(compiled.links)) if url and _leads_to(compiled, index, url)), None
    )


def _is_of(delivery_id: int, token: str) -> bool:
    try:
        return tokens.read_click_token(token)[0] == delivery_id
    except ValueError:
        return False


def _leads_to(compiled: content.Compiled, index: int, url: str) -> bool:
    try:
        return url in (compiled.links[index], compiled.target(index))
    except content.ContentError:  # its values are a recipient's
        return False
