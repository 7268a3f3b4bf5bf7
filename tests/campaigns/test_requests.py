"""Who sent a request, when proxies stand between."""

from ipaddress import ip_network

import pytest
from django.test import RequestFactory

from campaigns.requests import client_address, read_number


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # a stranger is not believed
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the client wrote the first itself
        ("127.0.0.1", "6.6.6.6, 198.51.100.1, 10.1.2.3", "198.51.100.1"),  # two proxies of ours
        ("127.0.0.1", "10.1.2.3", "10.1.2.3"),  # somebody in the proxies' own network
        ("127.0.0.1", "198.51.100.1, nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", " , ", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("127.0.0.1", "2001:DB8:0::1", "2001:db8::1"),
        ("::1", "fe80::1%eth0", "fe80::1"),
        ("::ffff:127.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("", "198.51.100.1", "198.51.100.1"),  # over a Unix socket, as granian names it
        ("localhost", "6.6.6.6,198.51.100.1", "198.51.100.1"),  # and as waitress does
        ("", None, ""),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy_of_ours(settings, peer, forwarded, client):
    settings.TRUSTED_PROXIES = [ip_network(text) for text in ("127.0.0.0/8", "::1", "10.0.0.0/8")]
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers)) == client


@pytest.mark.parametrize(
    ("text", "number"),
    [("50", 50), ("0", 0), ("", 0), ("-1", 0), ("²", 0), ("1e3", 0), ("9" * 30, 0), ("9" * 5_000, 0)],
)
def test_a_number_that_no_column_holds_is_none(text, number):
    assert read_number(text) == number
