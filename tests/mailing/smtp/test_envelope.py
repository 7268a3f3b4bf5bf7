import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailing.smtp.addresses import AddressRefused, encode_for_wire
from mailing.smtp.envelope import Capabilities, Mail, Unsendable, write_envelope, write_wire_form
from mailing.smtp.replies import Stage
from mailing.smtp.verdicts import Kind


@pytest.mark.parametrize(
    ("address", "wire"),
    [
        ("ada@example.net", b"ada@example.net"),
        ("ada.b+c=d@mail.example.net", b"ada.b+c=d@mail.example.net"),
        ("bounce-7=ada=example.net@b.shop.example", b"bounce-7=ada=example.net@b.shop.example"),
        ('"ada b"@example.net', b'"ada b"@example.net'),
        ("ada@[192.0.2.1]", b"ada@[192.0.2.1]"),
        ("ada@bücher.example", b"ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", b"ada@xn--bcher-kva.example"),
        ("ada@localhost", b"ada@localhost"),
    ],
)
def test_an_address_goes_out_in_ascii_with_its_domain_in_idna(address, wire):
    assert encode_for_wire(address) == wire


def test_letters_beyond_ascii_before_the_at_need_smtputf8():
    with pytest.raises(AddressRefused, match="SMTPUTF8") as refused:
        encode_for_wire("jürgen@bücher.example")
    assert refused.value.needs_smtputf8
    assert encode_for_wire("jürgen@bücher.example", smtputf8=True) == "jürgen@xn--bcher-kva.example".encode()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada",
        "@example.net",
        "ada@",
        "ada@exa mple.net",
        "ada@example..net",
        "ada@-example.net",
        ".ada@example.net",
        "a..b@example.net",
        "ada@example.net>",
        "ada@example.net> SIZE=1",
        "ada@example.net\r\nRCPT TO:<bob@example.net>",
        "ada\r\nDATA\r\n@example.net",
        "ada\n@example.net",
        "ada@example.net\n",
        "ada<b@example.net",
        "jürgen>@example.net",
        "jürgen\u2028x@example.net",
        "jürgen\x00@example.net",
        '"ada\r\n"@example.net',
        "a" * 65 + "@example.net",
        "ü" * 33 + "@example.net",
        "ada@" + "a" * 64 + ".example",
        "ada@" + ".".join(["a" * 60] * 5),
    ],
)
def test_what_is_no_address_never_reaches_the_wire(address):
    with pytest.raises(AddressRefused):
        encode_for_wire(address, smtputf8=True)


@given(st.text(max_size=40), st.text(max_size=40), st.booleans())
def test_no_address_can_end_its_command(local, domain, smtputf8):
    try:
        wire = encode_for_wire(f"{local}@{domain}", smtputf8=smtputf8)
    except AddressRefused:
        return
    assert not set(wire) & set(b"\r\n\0")
    assert b">" not in wire or wire.startswith(b'"')
    assert smtputf8 or wire.isascii()


def test_the_answer_to_ehlo_tells_what_a_server_can():
    lines = b"""mail.example at your service
        SIZE 35882577
        8BITMIME
        pipelining
        STARTTLS
        AUTH LOGIN PLAIN XOAUTH2
        AUTH=CRAM-MD5
        SMTPUTF8
        X-UNKNOWN \xff\xfe""".split(b"\n")
    assert Capabilities.of(lines) == Capabilities(
        pipelining=True,
        eight_bit=True,
        smtputf8=True,
        starttls=True,
        size=True,
        largest=35_882_577,
        logins=("LOGIN", "PLAIN", "XOAUTH2", "CRAM-MD5"),
    )
    assert Capabilities.of([b"PIPELINING is only this server's name"]) == Capabilities()
    assert Capabilities.of([b"name", b"SIZE", b"SIZE unlimited"]) == Capabilities(size=True)


ALL = Capabilities(pipelining=True, eight_bit=True, smtputf8=True, size=True, largest=1000)


@pytest.mark.parametrize(
    ("mail", "offers", "wire"),
    [
        (Mail("s@a.example", "r@b.example", b"x"), Capabilities(), (b"<s@a.example>", b"<r@b.example>")),
        (Mail("", "r@b.example", b"x"), Capabilities(), (b"<>", b"<r@b.example>")),
        (Mail("s@a.example", "r@b.example", b"x"), ALL, (b"<s@a.example> SIZE=1", b"<r@b.example>")),
        (
            Mail("s@a.example", "rö@b.example", b"\xc3\xb6"),
            ALL,
            (b"<s@a.example> SIZE=2 BODY=8BITMIME SMTPUTF8", "<rö@b.example>".encode()),
        ),
    ],
)
def test_the_envelope_names_only_what_the_server_offers(mail, offers, wire):
    assert write_envelope(mail, offers) == b"MAIL FROM:%b\r\nRCPT TO:%b\r\nDATA\r\n" % wire


@pytest.mark.parametrize(
    ("mail", "stage", "kind", "suppressed", "words"),
    [
        (
            Mail("s@a.example", "nobody", b"x"),
            Stage.RCPT,
            Kind.HARD,
            True,
            "'nobody' is not an e-mail address",
        ),
        (Mail("s@a.example", "rö@b.example", b"x"), Stage.RCPT, Kind.POLICY, False, "SMTPUTF8"),
        (
            Mail("nobody", "r@b.example", b"x"),
            Stage.MAIL,
            Kind.POLICY,
            False,
            "'nobody' is not an e-mail address",
        ),
        (
            Mail("s@a.example", "r@b.example", b"x" * 1001),
            Stage.MAIL,
            Kind.POLICY,
            False,
            "1,001 bytes; .* at most 1,000",
        ),
        (Mail("s@a.example", "r@b.example", b"\xc3\xb6"), Stage.MAIL, Kind.POLICY, False, "8BITMIME"),
    ],
)
def test_a_message_this_server_cannot_take_is_refused_with_the_reason(mail, stage, kind, suppressed, words):
    with pytest.raises(Unsendable, match=words) as unsendable:
        write_envelope(mail, Capabilities(pipelining=True, size=True, largest=1000))
    result = unsendable.value.result
    assert (result.stage, result.reply, result.uncertain) == (stage, None, False)
    assert (result.verdict.kind, result.verdict.suppress) == (kind, suppressed)


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"", b""),
        (b"a", b"a\r\n"),
        (b"a\r\n", b"a\r\n"),
        (b"a\nb\rc\r\nd", b"a\r\nb\r\nc\r\nd\r\n"),
        (b".", b"..\r\n"),
        (b".\r\n", b"..\r\n"),
        (b"a\r\n.\r\nb", b"a\r\n..\r\nb\r\n"),
        (b"a\n.\nMAIL FROM:<x>", b"a\r\n..\r\nMAIL FROM:<x>\r\n"),
        (b"a\r.\rb", b"a\r\n..\r\nb\r\n"),
        (b"a\n..b", b"a\r\n...b\r\n"),
        (b"\r\n\r\n.", b"\r\n\r\n..\r\n"),
        (b"a.b. \r\n", b"a.b. \r\n"),
        (b"a\x0bb\x0cc\x85d", b"a\x0bb\x0cc\x85d\r\n"),
    ],
)
def test_content_goes_out_with_crlf_ends_and_doubled_dots(content, wire):
    assert write_wire_form(content) == wire


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"..", b"a", b"\x00", b"\xff"]), max_size=40))
def test_no_content_can_end_itself_and_all_of_it_arrives(pieces):
    content = b"".join(pieces)
    wire = write_wire_form(content)
    assert b"\r\n.\r\n" not in b"\r\n" + wire
    assert not set(wire.replace(b"\r\n", b"")) & set(b"\r\n")
    undone = [line[1:] if line.startswith(b".") else line for line in wire.split(b"\r\n")]
    assert undone[:-1] == content.splitlines()
