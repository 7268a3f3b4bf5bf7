import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailing.smtp.replies import (
    LONGEST_LINE,
    LONGEST_REPLY,
    NotSmtp,
    RawReply,
    Reply,
    ReplyParser,
    Stage,
)
from mailing.smtp.verdicts import Kind, Verdict, classify, find_retry_seconds


def read_replies(stream: bytes) -> list[Reply]:
    return [reply.decode() for reply in ReplyParser().feed(stream)]


@pytest.mark.parametrize(
    ("stream", "reply"),
    [
        (b"250 2.1.5 Ok\r\n", Reply(250, "2.1.5", "Ok")),
        (b"250 Ok\r\n", Reply(250, "", "Ok")),
        (b"250 Ok\n", Reply(250, "", "Ok")),
        (b"250\r\n", Reply(250, "", "")),
        (b"250 \r\n", Reply(250, "", "")),
        (b"550 5.1.1\r\n", Reply(550, "5.1.1", "")),
        (b"550 5.1.10 no MX\r\n", Reply(550, "5.1.10", "no MX")),
        (b"550 5.1.1.2 is no code\r\n", Reply(550, "", "5.1.1.2 is no code")),
        (b"220 2.0.0.example ESMTP\r\n", Reply(220, "", "2.0.0.example ESMTP")),
        (
            b"550-5.7.1 Blocked.\r\n550-5.7.1 See\r\n550 5.7.1 https://x\r\n",
            Reply(550, "5.7.1", "Blocked. See https://x"),
        ),
        (b"250-first\r\n250-\r\n250 last\r\n", Reply(250, "", "first last")),
        (b"550 caf\xe9 ferm\xc3\xa9\r\n", Reply(550, "", "caf\ufffd fermé")),
    ],
)
def test_a_reply_is_read_into_code_enhanced_code_and_words(stream, reply):
    assert read_replies(stream) == [reply]


def test_a_reply_reads_as_the_server_wrote_it():
    assert str(Reply(550, "5.1.1", "no such user")) == "550 5.1.1 no such user"
    assert str(Reply(250, "", "Ok")) == "250 Ok"


@given(
    replies=st.lists(
        st.tuples(st.integers(200, 599), st.lists(st.binary(max_size=30), min_size=1, max_size=4)), max_size=6
    ),
    cuts=st.lists(st.integers(0, 400), max_size=20),
)
def test_replies_are_the_same_however_the_network_cuts_them(replies, cuts):
    expected, stream = [], b""
    for code, words in replies:
        texts = [text.translate(None, b"\r\n") for text in words]
        marks = [b"-"] * (len(texts) - 1) + [b" "]
        stream += b"".join(
            b"%d%b%b\r\n" % (code, mark, text) for mark, text in zip(marks, texts, strict=True)
        )
        expected.append(RawReply(code, tuple(text + b"\r" for text in texts)))
    parser, got, start = ReplyParser(), [], 0
    for cut in [*sorted(cuts), len(stream)]:
        got += parser.feed(stream[start:cut])
        start = max(start, cut)
    assert got == expected
    assert parser.is_idle


@pytest.mark.parametrize(
    "stream",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\r\n",
        b"150 too low\r\n",
        b"600 too high\r\n",
        b"25 short\r\n",
        b"2500 long\r\n",
        b"250_what\r\n",
        b"250-one code\r\n550 and another\r\n",
        b"250-one code\r\nand none\r\n",
        b"\xff\xfe\x00\x01\n",
        b"250 " + b"x" * LONGEST_LINE + b"\r\n",
        b"250 " + b"x" * LONGEST_LINE,
        b"250-an endless reply\r\n" * (LONGEST_REPLY // 20),
    ],
)
def test_what_is_no_reply_is_named_and_never_kept(stream):
    with pytest.raises(NotSmtp):
        ReplyParser().feed(stream)


@given(st.binary(max_size=300))
def test_garbage_raises_nothing_but_its_name(stream):
    with contextlib.suppress(NotSmtp):
        assert all(200 <= reply.code < 600 for reply in ReplyParser().feed(stream))


HARD = Verdict(Kind.HARD, suppress=True)
BOUNCED = Verdict(Kind.HARD)
SOFT = Verdict(Kind.SOFT)
POLICY = Verdict(Kind.POLICY)
OURS = Verdict(Kind.POLICY, spends_attempt=False)
THROTTLE = Verdict(Kind.THROTTLE, spends_attempt=False)
STOP = Verdict(Kind.CONNECTION, spends_attempt=False)


@pytest.mark.parametrize(
    ("stage", "reply", "verdict"),
    [
        # The address does not exist: bounced and suppressed
        *[
            (Stage.RCPT, f"550 {code} no", HARD)
            for code in ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")
        ],
        (Stage.DOT, "550 5.1.1 no such user", HARD),
        (Stage.RCPT, "550 No such user here", HARD),
        (Stage.RCPT, "550 Requested action not taken: mailbox unknown", HARD),
        (
            Stage.RCPT,
            "550 <x@y.example>: Recipient address rejected: User unknown in virtual mailbox table",
            HARD,
        ),
        (Stage.RCPT, "553 sorry, that recipient does not exist", HARD),
        (Stage.RCPT, "556 domain takes no mail", HARD),
        # Refused for good, but nothing says the address is dead
        (Stage.RCPT, "550 5.1.0 address rejected", BOUNCED),
        (Stage.RCPT, "550 5.2.0 mailbox", BOUNCED),
        (Stage.RCPT, "550 rejected", BOUNCED),
        # Refused for what is ours: the recipient is not spent
        (Stage.RCPT, "550 5.7.507 Access denied, rejected by recipient", OURS),
        (Stage.RCPT, "550 5.7.510 Access denied, y.example does not accept email over IPv6", OURS),
        (Stage.RCPT, "550 5.7.1 IP address blacklisted by recipient", OURS),
        (
            Stage.RCPT,
            "550 Requested action not taken: mailbox unavailable Sender address has null MX",
            OURS,
        ),
        (
            Stage.RCPT,
            "550 Requested action not taken: mailbox unavailable invalid DNS MX or A/AAAA resource record.",
            STOP,
        ),
        # The same first line, and a second one that nobody knows
        (Stage.RCPT, "550 Requested action not taken: mailbox unavailable Lorem ipsum dolor", BOUNCED),
        (
            Stage.RCPT,
            "550 Requested action not taken: mailbox unavailable For explanation visit https://x",
            HARD,
        ),
        # The mailbox is full or not ready
        (Stage.RCPT, "452 4.2.2 mailbox full", SOFT),
        (Stage.RCPT, "552 5.2.2 over quota", SOFT),
        (Stage.RCPT, "552 too much mail here", SOFT),
        (Stage.RCPT, "550 mailbox is full", SOFT),
        (Stage.RCPT, "450 4.1.1 try later", SOFT),
        (Stage.RCPT, "450 4.2.1 receiving too quickly", SOFT),
        (Stage.RCPT, "450 mailbox busy", SOFT),
        (Stage.RCPT, "451 4.4.1 no route to the next host", SOFT),
        (Stage.DOT, "452 4.2.2 mailbox full", SOFT),
        # Ours: content, standing, size, protocol
        (Stage.RCPT, "550 5.7.1 policy", POLICY),
        (Stage.RCPT, "554 5.7.1 Relay access denied", OURS),
        (Stage.RCPT, "550 5.4.1 no route", POLICY),
        (Stage.DOT, "552 5.3.4 too big", POLICY),
        (Stage.MAIL, "552 5.3.4 too big", POLICY),
        (Stage.MAIL, "552 message too big", POLICY),
        (Stage.DOT, "554 5.6.0 malformed", POLICY),
        # What does not show that a mail is ours is refused for all of that server's recipients
        (Stage.DOT, "550 5.7.26 unauthenticated", OURS),
        (Stage.DOT, "550 5.7.20 refused", OURS),
        (Stage.RCPT, "550 5.7.23 SPF validation failed", OURS),
        (Stage.DOT, "554 5.7.1 rejected due to shop.test's DMARC policy", OURS),
        (Stage.DOT, "550 5.7.30 refused", POLICY),
        (Stage.DOT, "554 Message rejected as spam", POLICY),
        (Stage.DOT, "550 rejected", POLICY),
        (Stage.RCPT, "550 blocked by our user reputation list", POLICY),
        (Stage.RCPT, "550 5.1.8 sender address has no domain", OURS),
        (Stage.RCPT, "503 5.5.1 bad sequence", POLICY),
        (Stage.DATA, "554 no valid recipients", POLICY),
        # Too fast, or the server is busy
        (Stage.GREETING, "421 4.7.0 too many connections", THROTTLE),
        (Stage.MAIL, "421 closing", THROTTLE),
        (Stage.RCPT, "421 4.2.1 closing", THROTTLE),
        (Stage.MAIL, "450 4.1.8 sender's domain not found now", THROTTLE),
        (Stage.MAIL, "454 4.7.0 too fast", THROTTLE),
        (Stage.RCPT, "450 4.7.1 rate", THROTTLE),
        (Stage.RCPT, "451 local error", THROTTLE),
        (Stage.RCPT, "452 4.3.1 out of storage", THROTTLE),
        (Stage.DOT, "451 4.3.0 queue", THROTTLE),
        (Stage.DOT, "454 busy", THROTTLE),
        (Stage.AUTH, "454 4.7.0 temporary authentication failure", THROTTLE),
        (Stage.DOT, "451 4.7.1 wait 60 seconds", THROTTLE._replace(retry_after=60)),
        # Greylisting is this recipient's, and no fault of anybody's
        (Stage.RCPT, "450 4.2.0 Greylisted", SOFT._replace(spends_attempt=False)),
        (
            Stage.RCPT,
            "451 4.7.1 Greylisting in action, please come back in 00:05:00",
            SOFT._replace(spends_attempt=False, retry_after=300),
        ),
        # The connection
        (Stage.GREETING, "554 go away", STOP),
        (Stage.EHLO, "550 5.7.1 bad name", STOP),
        (Stage.AUTH, "535 5.7.8 wrong password", STOP),
        (Stage.MAIL, "550 5.7.1 sender not yours", STOP),
        (Stage.MAIL, "553 5.1.8 sender", STOP),
        (Stage.MAIL, "530 5.7.0 log in first", STOP),
        (Stage.RCPT, "530 5.7.0 log in first", STOP),
        # No refusal
        (Stage.DOT, "250 2.0.0 Ok", Verdict(Kind.ACCEPTED)),
        (Stage.DATA, "354 go ahead", Verdict(Kind.ACCEPTED)),
        # A class that contradicts the basic code: the basic code is right
        (Stage.RCPT, "550 4.1.1 no such user", HARD),
        (Stage.RCPT, "450 5.1.1 not yet", SOFT),
    ],
)
def test_a_reply_says_whose_matter_it_is(stage, reply, verdict):
    assert classify(stage, read_replies(reply.encode() + b"\r\n")[0]) == verdict


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Too fast, try again in 300 seconds", 300),
        ("try again in 5 minutes", 300),
        ("please retry after 60s", 60),
        ("Retry-After: 30", 30),
        ("come back in 00:05:00", 300),
        ("try again in 04:30", 270),
        ("wait 2 hours", 7200),
        ("please wait for at least 90 sec", 90),
        ("try again in 999999 h", 86_400),
        ("try again later", None),
        ("try again later (100 messages per hour)", None),
        ("exceeded 500 messages", None),
        ("", None),
    ],
)
def test_the_time_a_server_asks_to_wait_is_understood(text, seconds):
    assert find_retry_seconds(text) == seconds


@given(st.sampled_from(list(Stage)), st.integers(400, 599), st.text(max_size=60))
def test_no_doubtful_reply_suppresses_anybody(stage, code, text):
    if classify(stage, Reply(code, "", text)).suppress:
        assert code >= 500
        assert stage in (Stage.RCPT, Stage.DATA, Stage.DOT)


def test_control_characters_of_a_reply_reach_no_column_and_no_log():
    reply = RawReply(550, (b"5.1.1 a\0b\x1b[31m", b"5.1.1 \xc2\x85c\td \xff")).decode()
    assert reply == Reply(550, "5.1.1", "a b [31m c d \ufffd")
