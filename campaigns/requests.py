"""The request as it reaches a view."""

from ipaddress import IPv4Address, IPv6Address, ip_address

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails


class Request(HttpRequest):
    """What settings.MIDDLEWARE adds to a request. Views name this type; nothing makes one.

    Attributes:
        htmx: what htmx says of the request.
        user: who is signed in. The few views marked `login_not_required` may meet an AnonymousUser, and ask nothing in
            its name.
    """

    htmx: HtmxDetails
    user: User


def signed_in_user(request: HttpRequest) -> User:
    """Return who is signed in, for pages of the administration, which nobody else reaches.

    Raises:
        TypeError: nobody is signed in.
    """
    if not isinstance(request.user, User):
        raise TypeError("Nobody is signed in.")
    return request.user


def number_in_query(request: HttpRequest, name: str) -> int:
    """Return a whole number in the address, as in `?after=50`; 0 where there is none."""
    return read_number(request.GET.get(name, ""))


def read_number(text: str) -> int:
    """Read a whole number that somebody typed or a program sent; 0 where it is none that a column can hold."""
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def client_address(request: HttpRequest) -> str:
    """Return the address of the machine that sent a request, "" where nobody knows it.

    Only a proxy of `settings.TRUSTED_PROXIES` is believed when it names another machine in X-Forwarded-For: each proxy
    adds the address it was called from at the end, so the last one that is no proxy of ours is the client's. What
    stands before that the client may have written itself. A request over a Unix socket comes from a proxy of ours.
    """
    named = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    client = _read_address(
        request.META.get("REMOTE_ADDR", "")
    )  # none for a Unix socket, whatever the server calls it
    while named and (client is None or _is_trusted_proxy(client)):
        before = _read_address(named.pop())
        if before is None:
            break
        client = before
    return str(client or "")


def _is_trusted_proxy(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in settings.TRUSTED_PROXIES)


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address as proxies write it: perhaps with a port, a zone, or IPv4 inside of IPv6."""
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
