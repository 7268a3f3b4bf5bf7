"""E-mail addresses in the one spelling they are stored and compared in."""

import pytest

from mailing.addresses import normalised


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("zoe@münchen.de", "zoe@xn--mnchen-3ya.de"),
        ("zoë@example.com", "zoë@example.com"),
        ("a.b+c_d-e@sub.example.co.uk", "a.b+c_d-e@sub.example.co.uk"),
    ],
)
def test_an_address_has_one_spelling(written, stored):
    assert normalised(written) == stored == normalised(stored)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "a@",
        "@b.c",
        "a@b",
        "a b@c.de",
        "a@b..de",
        ".a@b.de",
        "a..b@c.de",
        "a@-b.de",
        "zo ë@example.com",
        "é<@b.de",
        "a\r\nb@c.de",
        "a@b.de\n\nc@d.ef",
        "x" * 65 + "@example.com",
        "a@" + "x" * 250 + ".com",
    ],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="address"):
        normalised(address)
