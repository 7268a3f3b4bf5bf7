"""The signed token of a delivery: it stands in each of its links, and nobody can make one for another delivery.

Eight bytes of the delivery's key and the first ten of a keyed BLAKE2s of them (RFC 7693), in URL-safe base64: 24
letters, and one hash a message however many links it has.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2s
from hmac import compare_digest

from django.conf import settings

TEST = 0  # the delivery of a test e-mail: nobody's


@lru_cache(maxsize=1)
def _keyed(secret: str) -> "blake2s":
    return blake2s(key=blake2s(secret.encode()).digest(), digest_size=10, person=b"fanfmail")


def sign(delivery_id: int) -> str:
    """The token of this delivery."""
    return _sign(_keyed(settings.SECRET_KEY), delivery_id)


def sign_all(delivery_ids: Iterable[int]) -> list[str]:
    """The tokens of these deliveries, in their order."""
    keyed = _keyed(settings.SECRET_KEY)
    return [_sign(keyed, delivery_id) for delivery_id in delivery_ids]


def _sign(keyed: "blake2s", delivery_id: int) -> str:
    key = delivery_id.to_bytes(8)
    mac = keyed.copy()
    mac.update(key)
    return urlsafe_b64encode(key + mac.digest()).decode()


def read(token: str) -> int:
    """The key of the delivery a token was made for. Raises ValueError: nobody made it here."""
    try:
        raw = urlsafe_b64decode(token.encode("ascii"))
    except ValueError as error:
        raise ValueError("The link is damaged.") from error
    mac = _keyed(settings.SECRET_KEY).copy()
    mac.update(raw[:8])
    if len(raw) != 18 or not compare_digest(mac.digest(), raw[8:]):
        raise ValueError("The link is damaged.")
    return int.from_bytes(raw[:8])
