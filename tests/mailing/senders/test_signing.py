"""Signatures as another program checks them: dkimpy takes each, and takes none whose message was changed."""

import random

import dkim
import pytest

from mailing.content import Links, Recipient, Source, compile
from mailing.senders import keys
from mailing.senders.keys import Algorithm
from mailing.senders.signing import Signer, SigningKey, make_body_canonical, write_line_ends

PAIRS = {algorithm: keys.make_pair(algorithm) for algorithm in Algorithm}
SELECTORS = {"new": Algorithm.ED25519, "old": Algorithm.RSA}
SIGNER = Signer(
    "shop.example",
    [
        SigningKey(selector, keys.load_private_key(PAIRS[algorithm].private))
        for selector, algorithm in SELECTORS.items()
    ],
)
HEAD = b"From: Shop <a@shop.example>\r\nTo: Ada <ada@example.org>\r\nSubject: News\r\n\r\n"


def answer_texts(name, timeout=5):
    selector = name.decode().split(".")[0]
    algorithm = SELECTORS[selector]
    return keys.write_record(algorithm, PAIRS[algorithm].public).encode()


def list_verdicts(message):
    """Whether dkimpy takes each signature of a message."""
    count = message.count(b"DKIM-Signature:")
    return [is_taken(message, place) for place in range(count)]


def is_taken(message, place):
    try:
        return dkim.DKIM(message).verify(idx=place, dnsfunc=answer_texts)
    except dkim.ValidationError:
        return False


def write_random_body(chance):
    pieces = (
        b"\r\n", b"\r\n", b"\r\n.", b"\r\n..", b"\r", b"\n", b" ", b"  ", b"\t", b" \t\r\n", b"\r\n\r\n\r\n", b"word",
        b"=3D", b"x" * 1200, "Grüße".encode(), bytes(range(128, 256)), b"\x00", b"\x0b", b"\x0c", b"\x85", b"-- ",
        b"From ", b".",
    )  # fmt: skip
    body = b"".join(chance.choices(pieces, k=chance.randrange(30)))
    return body + chance.choice((b"", b"\r\n", b"\r\n\r\n", b" \r\n\t\r\n", b"   ", b"\n\n"))


def test_another_program_takes_both_signatures_whatever_the_body_holds():
    chance = random.Random(4)
    wrong = []
    for number in range(150):
        body = write_random_body(chance)
        signed = SIGNER.sign(HEAD + body)
        assert signed.endswith(write_line_ends(HEAD + body))
        if list_verdicts(signed) != [True, True]:
            wrong.append((number, body))
    assert wrong == []


@pytest.mark.parametrize(
    ("body", "canonical"),
    [
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b" \r\n\t\r\n", b""),
        (b" C \r\nD \t E\r\n\r\n\r\n", b" C\r\nD E\r\n"),  # the example of RFC 6376, 3.4.5
        (b"no end", b"no end\r\n"),
        (b"a  \r\n\r\n ", b"a\r\n"),
    ],
)
def test_the_relaxed_form_of_a_body(body, canonical):
    assert make_body_canonical(body) == canonical


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        (b"Subject: News", b"Subject: Old"),
        (b"\r\nFrom: Shop", b"\r\nFrom: x@evil.example\r\nFrom: Shop"),
        (b"Hello", b"Hallo"),
        (b"To: Ada", b"To: Bob"),
    ],
)
def test_a_changed_message_is_not_taken(was, becomes):
    signed = SIGNER.sign(HEAD + b"Hello\r\n")
    assert list_verdicts(signed) == [True, True]
    assert was in signed
    assert list_verdicts(signed.replace(was, becomes, 1)) == [False, False]


def test_a_mail_of_a_campaign_is_signed_with_all_that_identifies_it():
    source = Source(
        subject="Ärger, {{ first_name }}? " + "long " * 30,
        from_email="news@shop.example",
        from_name="Jürgen & Söhne",
        reply_to="office@shop.example",
        body="Hello {{ first_name }}\n\n[Leave]({{ unsubscribe_url }})",
        body_format="markdown",
        list_id="campaigns.shop.example",
        feedback=("1", "campaigns", "shop.example", "shop.example"),
        unsubscribe_email="leave@shop.example",
    )
    reader = Recipient("ada@example.org", {}, "Zoë", "Ömer", message_id="x1", seed=1)
    message = compile(source).render(reader, Links("https://mail.shop.example", "t" * 24))
    signed = SIGNER.sign_wire(message)
    assert list_verdicts(signed) == [True, True]
    head = signed.split(b"\r\n\r\n")[0].lower().replace(b"\r\n ", b" ")
    for name in (
        "from to subject date message-id list-id list-unsubscribe list-unsubscribe-post reply-to feedback-id "
        "mime-version content-type"
    ).split():
        assert name.encode() in head.split(b" h=")[1].split(b";")[0].replace(b" ", b""), name
    assert b":from;" in head
    assert b"c=relaxed/relaxed" in head
    assert b" l=" not in head
    assert max(map(len, signed.split(b"\r\n"))) <= 78


def test_of_headers_alike_all_are_signed_and_folded_ones_too():
    message = b"FROM: a@shop.example\r\nSubject: one\r\n\ttwo \r\nTo: x@y.example\r\nTo: z@y.example\r\n\r\nBody\r\n"
    assert list_verdicts(SIGNER.sign(message)) == [True, True]


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "No DKIM record"),
        (["v=spf1 -all"], "No DKIM record"),
        (["v=DKIM1; k={k}; p={p}"], ""),
        (["k={k};p={half} {rest};"], ""),
        (["v=DKIM1; k={k}; p={p}", "v=DKIM1; k={k}; p={p}"], "2 DKIM records"),
        (["v=DKIM1; k={k}; p="], "withdrawn"),
        (["v=DKIM1; k={k}; p={p}AAAA"], "another key"),
        (["v=DKIM1; k=other; p={p}"], "k=other"),
        (["v=DKIM1; k={k}; h=sha1; p={p}"], "SHA-256"),
        (["v=DKIM1; k={k}; h=sha1:sha256; s=email; t=s; p={p}"], ""),
        (["v=DKIM1; k={k}; s=other; p={p}"], "not for e-mail"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("algorithm", Algorithm)
def test_what_a_record_lacks_is_said(records, said, algorithm):
    public = PAIRS[algorithm].public
    filled = [text.format(k=algorithm, p=public, half=public[:20], rest=public[20:]) for text in records]
    found = keys.find_record_fault(filled, algorithm, public)
    assert said in found
    assert bool(found) == bool(said)


def test_a_record_is_split_into_strings_that_dns_can_hold():
    text = keys.write_record("rsa", PAIRS[Algorithm.RSA].public)
    quoted = keys.quote_record(text)
    parts = quoted.removeprefix('"').removesuffix('"').split('" "')
    assert len(text) > 255
    assert "".join(parts) == text
    assert max(map(len, parts)) == 255
