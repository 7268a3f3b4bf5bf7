"""Reading reports: what each is, whom it is about, how much it says against them, and whether it is about our mail."""

import base64
import random
import time

import pytest

from mailing.bounces import Kind, read_report
from mailing.bounces.readable_text import write_readable_text
from tests import outside
from tests.mailing.bounces import corpus

CASES = corpus.read_cases()
SERVER = b"From: MAILER-DAEMON@x\nSubject: failure notice\n"
STATUS = b"Content-Type: multipart/report; report-type=delivery-status"
GROUP = b"Final-Recipient: rfc822; a%d@b.example\nAction: failed\nStatus: 5.1.1\n"
HOSTILE = {
    "nothing": b"",
    "only bytes": bytes(range(256)) * 40,
    "a header without an end": b"Subject: " + b"x" * 300_000,
    "an endless line": SERVER + b"\r\n" + b"a@b." * 200_000,
    "headers of other charsets": b"From: =?utf-9?b?////?= <MAILER-DAEMON@x>\nSubject: =?latin-1?q?=FC\xff?=\n\nx",
    "an unknown charset": SERVER
    + b"Content-Type: text/plain; charset=klingon\n\n<a@b.example>: \xff\xfe 550 5.1.1 unknown user",
    "a charset that is a codec of bytes": SERVER
    + b"Content-Type: text/plain; charset=hex\n\n<a@b.example>: 550 5.1.1",
    "no boundary": SERVER + STATUS + b"\n\n" + GROUP % 1,
    "parts inside parts": b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (level, level) for level in range(3000)
    ),
    "messages inside messages": b"Content-Type: message/rfc822\n\n" * 20_000,
    "a thousand recipients": SERVER
    + STATUS
    + b"; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
    + b"\n".join(GROUP % number for number in range(1000))
    + b"\n--b--\n",
    "broken base64": SERVER + b"Content-Transfer-Encoding: base64\n\n!!!====\xff",
    "NUL": SERVER + b"\n<a\0@b.example>: 550 5.1.1 \0 unknown user\0",
    "a lone surrogate": SERVER
    + b"Content-Type: text/plain; charset=utf-8\n\n<a@b.example>: 550 \xed\xa0\x80",
    "a parameter cut in pieces": b"Content-Type: multipart/report; report-type*0*=utf-8''d%2; boundary*0=\n\nx",
    "huge": SERVER + b"\n" + b"<ada@example.org>: 550 5.1.1 user unknown\n" * 250_000,
    "a recipient without an end": b"To: " + b"x" * 400_000 + b"\n\nx",
    "recipients without an end": b"Received: from a for "
    + b"a@" * 200_000
    + b"<\nTo: "
    + b"a@" * 200_000
    + b"\n\nx",
    "a parameter without an end": b'Content-Type: multipart/mixed; x="' + b";" * 400_000 + b"\n\nx",
    "a line of dashes": SERVER + b"\n" + b"-" * 60_000 + b"\n",
    "lines of dashes": SERVER + b"\n" + (b"-" * 900 + b"\n") * 60,
    "tags without an end": SERVER + b"Content-Type: text/html\n\n" + b"<br" * 21_000,
    "a word without an end": SERVER + b"\n" + b"a" * 64_000,
    "many words without an end": SERVER
    + b"Content-Type: multipart/mixed; boundary=b\n\n"
    + (b"--b\n\n" + b"a" * 9_000 + b"\n") * 50
    + b"--b--\n",
    "uuencoded": SERVER + b"Content-Transfer-Encoding: x-uuencode\n\nbegin 644 x\n\xff\nend\n",
}


def test_the_corpus_holds_at_least_eighty_reports():
    assert len(CASES) + len(HOSTILE) >= 80
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_report_is_read_for_what_it_is(case):
    report = read_report(case.raw)
    told = [(failure.address, failure.enhanced) for failure in report.failures]
    assert (report.kind, told) == (case.kind, case.recipients)
    if report.kind is Kind.BOUNCE:
        assert [str(failure.severity) for failure in report.failures] == case.severities
    assert report.delivery_id == (corpus.DELIVERY if case.is_ours else None)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_is_read_in_no_time_and_proves_nothing(name):
    started = time.process_time()
    report = read_report(HOSTILE[name])
    write_readable_text(HOSTILE[name])
    assert time.process_time() - started < 2
    assert report.delivery_id is None
    assert len(report.failures) <= 1000


def test_no_damage_to_a_report_raises_or_makes_it_ours():
    """Bytes turned over, cut off and doubled in every report, always the same ones."""
    chance = random.Random(4711)
    for case in CASES:
        for _ in range(6):
            raw = bytearray(case.raw)
            for _ in range(chance.randrange(1, 12)):
                raw[chance.randrange(len(raw))] = chance.randrange(256)
            place = chance.randrange(len(raw))
            raw = raw[:place] + raw[chance.randrange(len(raw)) :]
            assert read_report(bytes(raw)).delivery_id in (None, corpus.DELIVERY)


def test_a_transfer_encoding_changes_nothing():
    for case in CASES:
        head, _, body = case.raw.partition(b"\n\n")
        if case.kind == "bounce" and b"multipart" not in head:
            encoded = head + b"\nContent-Transfer-Encoding: base64\n\n" + base64.encodebytes(body)
            told = [failure.address for failure in read_report(encoded).failures]
            assert told == [address for address, _ in case.recipients], case.name


def test_line_ends_of_the_network_change_nothing():
    for case in CASES:
        assert read_report(case.raw.replace(b"\n", b"\r\n")).kind == case.kind, case.name


def test_two_of_our_mails_in_one_report_prove_neither():
    raw = corpus.fill("{original}\n\n", 1) + corpus.fill("{original}", 2)
    assert read_report(raw.encode()).delivery_id is None


def test_a_return_path_asks_for_no_unsubscription():
    """Whoever gets a mail forwarded reads the return path in it: it unsubscribes nobody."""
    raw = corpus.fill("From: eve@example.net\nTo: {verp}\nSubject: unsubscribe\n\n").encode()
    assert (read_report(raw).kind, read_report(raw).delivery_id) == (Kind.UNSUBSCRIBE, None)


def test_the_door_for_outside_cases_tells_the_same():
    told = outside.read_report(CASES[0].raw)
    assert told == {"kind": "bounce", "recipients": [("ada@example.org", "5.1.1")], "ours": True}
    assert outside.read_report(b"")["kind"] == "unknown"
