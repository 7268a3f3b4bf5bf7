"""The request as views get it, and what they read from it."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """The type of requests in views: what settings.MIDDLEWARE adds to them. No code makes one.

    Attributes:
        htmx: the headers of htmx.
        user: the signed-in user. The few views marked `login_not_required` may get an AnonymousUser, and do not use it.
    """

    htmx: HtmxDetails
    user: User


def signed_in_user(request: HttpRequest) -> User:
    """Return the signed-in user, for pages of Django admin, which nobody else reaches.

    Raises:
        TypeError: nobody is signed in.
    """
    if not isinstance(request.user, User):
        raise TypeError("Nobody is signed in.")
    return request.user


def number_in_query(request: HttpRequest, name: str) -> int:
    """Return a whole number in the query, as in `?after=50`; 0 when there is none."""
    return read_number(request.GET.get(name, ""))


def read_number(text: str) -> int:
    """Read a whole number that a person or a program sent; 0 when it is none, or too large for a column."""
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def client_address(request: HttpRequest) -> str:
    """Return the address of the machine that sent a request; "" when nobody knows it.

    Only proxies of `settings.TRUSTED_PROXIES` are believed when they name another machine in X-Forwarded-For. Each
    proxy adds the address that called it at the end, so the last address that is not a proxy of ours is the client's.
    The client may have written the addresses before that. A request over a Unix socket comes from our own proxy.
    """
    return find_client(request.META.get("REMOTE_ADDR", ""), request.META.get("HTTP_X_FORWARDED_FOR", ""))


def find_client(caller: str, forwarded_for: str) -> str:
    """Return what `client_address` does, from the address that called and the header X-Forwarded-For."""
    named = forwarded_for.split(",")
    client = _read_address(caller)  # none for a Unix socket, whatever the server calls it
    while named and (client is None or _is_trusted_proxy(client)):
        before = _read_address(named.pop())
        if before is None:
            break
        client = before
    return str(client or "")


def _is_trusted_proxy(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address as proxies write it, perhaps with a port or a zone, or as IPv4 inside of IPv6."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.version == 6 and address.ipv4_mapped) or address
