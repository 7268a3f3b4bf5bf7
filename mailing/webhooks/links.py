"""Which link of a mail a provider's click is about."""

import re

from mailing import plain_targets
from mailing.sending import tokens

_find_own = re.compile(r"/t/c/([\w-]{24,60})/(\d{1,6})(?!\d)").search


def find_index(delivery_id: int, campaign_id: int, url: str) -> int | None:
    """Return the number of the link with this URL: our tracked URL, or the target; None when no link has it.

    A link that differs by recipient is found by our tracked URL only.
    """
    try:
        written = plain_targets.load_content(campaign_id).links
        targets = plain_targets.read_targets(campaign_id)
    except plain_targets.NoFile:
        return None
    if found := _find_own(url):
        index = int(found[2])
        return index if _is_of(delivery_id, found[1]) and index < len(written) else None
    both = enumerate(zip(written, targets, strict=True))
    return next((index for index, forms in both if url and url in forms), None)


def _is_of(delivery_id: int, token: str) -> bool:
    try:
        return tokens.read_click_token(token)[0] == delivery_id
    except ValueError:
        return False
