"""SPF and DMARC as receivers read them, and DNS asked over a real socket."""

import socket
import threading

import dns.message
import dns.rrset
import pytest

from mailing.preflight import dmarc, spf
from mailing.senders.lookups import DnsResolver, LookupFailed
from tests.mailing.senders.answers import FakeDns

SERVER, STRANGER = "203.0.113.7", "198.51.100.1"


@pytest.mark.parametrize(
    ("records", "permits", "fault"),
    [
        ({"a.test": ["v=spf1 ip4:203.0.113.0/24 -all"]}, True, ""),
        ({"a.test": ["v=spf1 ip4:198.51.100.0/24 -all"]}, False, ""),
        ({"a.test": ["other", "V=SPF1 a mx ~all"]}, True, ""),
        ({"a.test": ["v=spf1 include:b.test ~all"], "b.test": ["v=spf1 ip4:203.0.113.7 -all"]}, True, ""),
        ({"a.test": ["v=spf1 -include:b.test ~all"], "b.test": ["v=spf1 ip4:203.0.113.7 -all"]}, False, ""),
        ({"a.test": ["v=spf1 redirect=b.test"], "b.test": ["v=spf1 a:mail.test -all"]}, True, ""),
        ({"a.test": ["v=spf1 a:mail.test/24 -all"]}, True, ""),
        ({"a.test": ["v=spf1 -ip4:203.0.113.7 -all"]}, False, ""),
        ({"a.test": ["v=spf1 -all ip4:203.0.113.7"]}, False, ""),
        ({"a.test": ["v=spf10 ip4:203.0.113.7"]}, False, ""),
        ({"a.test": ["v=spf1 -all", "v=spf1 -all"]}, False, "2 SPF records"),
        ({"a.test": ["v=spf1 include:b.test -all"]}, False, "has no SPF record"),
        ({"a.test": ["v=spf1 ip4:nonsense -all"]}, False, "is not a network"),
        ({"a.test": ["v=spf1 wrong -all"]}, False, "is not a term"),
        ({"a.test": ["v=spf1 include:a.test -all"]}, False, "loop"),
        ({"a.test": ["v=spf1 " + "a " * 11 + "-all"]}, False, "more than 10"),
    ],
)  # fmt: skip
def test_spf(records, permits, fault):
    addresses = {"mail.test": [SERVER], "a.test": [STRANGER]}
    policy = spf.read_policy("a.test", FakeDns(records, addresses, hosts={"a.test": ["mail.test"]}))
    assert fault in policy.fault
    assert bool(fault) == bool(policy.fault)
    if not fault:
        assert policy.permits(SERVER) is permits


@pytest.mark.parametrize(
    ("records", "policy", "found_at"),
    [
        ({"_dmarc.news.shop.test": ["v=DMARC1; p=reject"]}, "reject", "news.shop.test"),
        ({"_dmarc.shop.test": ["v=DMARC1; p=reject; sp=none"]}, "none", "shop.test"),
        ({"_dmarc.shop.test": ["v=DMARC1;p=Quarantine"]}, "quarantine", "shop.test"),
        ({"_dmarc.shop.test": ["v=DMARC1; p=none"], "_dmarc.test": ["v=DMARC1; p=reject; psd=y"]}, "none", "shop.test"),
        ({"_dmarc.shop.test": ["v=spf1 -all"]}, None, None),
        ({"_dmarc.shop.test": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, None, None),
        ({}, None, None),
    ],
)  # fmt: skip
def test_dmarc(records, policy, found_at):
    found = dmarc.read_policy("news.shop.test", FakeDns(records))
    assert (found and found.policy, found and found.found_at) == (policy, found_at)


def test_alignment():
    records = FakeDns({"_dmarc.shop.test": ["v=DMARC1; p=none"]})
    assert dmarc.are_aligned("shop.test", "bounce.shop.test", records, is_strict=False)
    assert not dmarc.are_aligned("shop.test", "bounce.shop.test", records, is_strict=True)
    assert not dmarc.are_aligned("shop.test", "mailer.test", records, is_strict=False)
    assert dmarc.are_aligned("a.test", "a.test", FakeDns(silent=["_dmarc.a.test"]), is_strict=True)


@pytest.fixture
def dns_server():
    """A name server on this machine: long and split TXT records, no such name, and silence."""
    long = '"v=DKIM1; p=' + "x" * 240 + '" "' + "y" * 20 + '"'
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    is_over = threading.Event()
    server.settimeout(0.05)

    def serve():
        while not is_over.is_set():
            try:
                data, whom = server.recvfrom(4096)
            except TimeoutError:
                continue
            query = dns.message.from_wire(data)
            name = query.question[0].name.to_text()
            if name.startswith("silent"):
                continue
            answer = dns.message.make_response(query)
            if name == "long.test.":
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", long))
            elif name == "nul.test.":
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", r'"v=DKIM1; k=a\000b; p=x"'))
            else:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            server.sendto(answer.to_wire(), whom)

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    is_over.set()
    thread.join(5)
    server.close()


def test_dns_is_asked_over_a_socket(dns_server, monkeypatch):
    monkeypatch.setattr("mailing.senders.lookups.TIMEOUT", 0.3)
    resolver = DnsResolver(["127.0.0.1"], dns_server)
    assert resolver.list_texts("long.test") == ["v=DKIM1; p=" + "x" * 240 + "y" * 20]
    assert resolver.list_texts("none.test") == []
    with pytest.raises(LookupFailed, match="no answer"):
        resolver.list_texts("silent.test")
    with pytest.raises(LookupFailed):
        resolver.list_texts("a" * 70 + ".test")


def test_a_record_may_hold_any_byte_and_is_stored_all_the_same(dns_server):
    assert DnsResolver(["127.0.0.1"], dns_server).list_texts("nul.test") == ["v=DKIM1; k=a�b; p=x"]


def test_all_questions_together_take_no_longer_than_a_check_may(dns_server, monkeypatch):
    monkeypatch.setattr("mailing.senders.lookups.SECONDS_IN_ALL", 0.0)
    with pytest.raises(LookupFailed, match="too slow to be asked"):
        DnsResolver(["127.0.0.1"], dns_server).list_texts("long.test")
