"""Reports that gateways have encoded or cut, that name many people, and answers that only look like reports."""

import base64
import quopri

import pytest

from mailing.bounces import intake, policy, read_report
from mailing.models import Delivery, Suppression
from tests.factories import ContactFactory, DeliveryFactory
from tests.mailing.bounces import corpus

ADA = "ada@example.org"
GROUP = (
    "Reporting-MTA: dns; mx.shop.example\n\nFinal-Recipient: rfc822; ada@example.org\nAction: failed\n"
    "Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <ada@example.org>: User unknown\n"
)
ENCODERS = {
    "base64": base64.encodebytes,
    "BASE64 (by a gateway)": base64.encodebytes,
    "quoted-printable": quopri.encodestring,
}


def write_report(
    status=GROUP, kind="message/delivery-status", original="{original}", about="message/rfc822", to="{verp}"
):
    """Write a status report; `kind` and `about` may hold further headers of their part."""
    return corpus.fill(
        f"Return-Path: <>\nFrom: MAILER-DAEMON@mx.shop.example\nSubject: Undelivered Mail\nTo: {to}\n"
        'MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        f"--b\nContent-Type: text/plain\n\nIt did not arrive.\n\n--b\nContent-Type: {kind}\n\n{status}\n\n"
        f"--b\nContent-Type: {about}\n\n{original}\n\n--b--\n"
    )


def judge(raw):
    """Return the kind of a report, what it says of Ada, and whether it proves to be about our mail."""
    report = read_report(raw.encode())
    failure = policy.choose_failure(report.failures, ADA)
    told = (failure.address, str(failure.severity)) if failure else None
    return str(report.kind), told, report.delivery_id == corpus.DELIVERY


@pytest.mark.parametrize("kind", ["delivery-status", "global-delivery-status"])
@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_status_that_a_gateway_has_encoded_is_read(kind, encoding):
    status = ENCODERS[encoding](GROUP.encode()).decode()
    raw = write_report(status, f"message/{kind}\nContent-Transfer-Encoding: {encoding}")
    assert judge(raw) == ("bounce", (ADA, "hard"), True)


@pytest.mark.parametrize(
    "about",
    ["message/rfc822", "message/global", "text/rfc822-headers", 'application/octet-stream; name="mail.eml"'],
)
@pytest.mark.parametrize("encoding", ENCODERS)
def test_an_encoded_original_still_proves_that_it_is_ours(about, encoding):
    original = ENCODERS[encoding](corpus.fill("{original}").encode()).decode()
    raw = write_report(
        original=original,
        about=f"{about}\nContent-Transfer-Encoding: {encoding}",
        to="bounces@shop.example",
    )
    assert judge(raw) == ("bounce", (ADA, "hard"), True)


@pytest.mark.parametrize("field", ["X-Postfix-Sender: rfc822; {verp}", "Original-Mail-From: <{verp}>"])
def test_a_return_path_of_ours_within_a_report_proves_it_too(field):
    status = GROUP.replace("\n\n", f"\n{field}\n\n")
    assert judge(write_report(status, original="redacted", to="bounces@shop.example"))[2]


def test_two_return_paths_of_ours_prove_neither():
    raw = write_report(original="redacted", to="bounces@shop.example")
    raw += corpus.fill("{verp}", 1) + " " + corpus.fill("{verp}", 2)
    assert read_report(raw.encode()).delivery_id is None


@pytest.mark.parametrize(("ours", "others"), [("5.1.1", "5.2.2"), ("5.2.2", "5.1.1")])
def test_our_recipient_is_found_among_hundreds(ours, others):
    groups = [
        f"Final-Recipient: rfc822; {ADA if number == 450 else f'p{number}@example.org'}\nAction: failed\n"
        f"Status: {ours if number == 450 else others}\nRemote-MTA: dns; mx.example.org\n"
        "Last-Attempt-Date: Tue, 3 Mar 2026 10:00:00 +0000\n"
        for number in range(500)
    ]
    severity = "hard" if ours == "5.1.1" else "soft"
    assert judge(write_report("\n".join(["Reporting-MTA: dns; m\n", *groups]))) == (
        "bounce",
        (ADA, severity),
        True,
    )


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda text: text.replace("Action: failed\n", ""), "bounce"),
        (lambda text: text.replace("Action: failed", "Action: fehlgeschlagen"), "bounce"),
        (lambda text: text.replace("Action: failed\n", "").replace("5.1.1", "4.4.1"), "delayed"),
        (lambda text: text.replace("Action: failed\n", "").replace("5.1.1", "2.0.0"), "delivered"),
        (lambda text: text.replace("Action: failed\nStatus: 5.1.1\n", ""), "unknown"),
        (lambda text: text.replace("Final-Recipient", "Original-Recipient"), "bounce"),
    ],
)
def test_what_a_status_leaves_out_is_told_by_the_rest(change, kind):
    assert read_report(write_report(change(GROUP)).encode()).kind == kind


@pytest.mark.parametrize("kind", ["text/plain", 'application/octet-stream; name="details.txt"'])
def test_a_status_sent_as_a_file_is_read(kind):
    assert judge(write_report(kind=kind)) == ("bounce", (ADA, "hard"), True)


def write_group(final, action, status, original=""):
    told = f"Original-Recipient: rfc822;{original}\n" if original else ""
    return f"Final-Recipient: rfc822; {final}\n{told}Action: {action}\nStatus: {status}\n"


DEAD = write_group("bob@other.example", "failed", "5.1.1")
FORWARDED_TO_DEAD = write_group("bob@other.example", "failed", "5.1.1", ADA)


@pytest.mark.parametrize("is_last", [True, False])
@pytest.mark.parametrize(
    ("dead", "other"),
    [
        (DEAD, write_group(ADA, "delivered", "2.0.0")),
        (DEAD, write_group(ADA, "expanded", "2.0.0")),
        (DEAD, write_group(ADA, "relayed", "2.0.0")),
        (DEAD, write_group(ADA, "delayed", "4.4.1")),
        (FORWARDED_TO_DEAD, write_group("carl@other.example", "delivered", "2.0.0", ADA)),
        (FORWARDED_TO_DEAD, write_group("carl@other.example", "delayed", "4.4.1", ADA)),
        (FORWARDED_TO_DEAD, write_group("carl@other.example", "failed", "5.2.2", ADA)),
    ],
)
@pytest.mark.django_db
def test_nobody_is_suppressed_for_a_member_of_their_alias(dead, other, is_last):
    delivery = DeliveryFactory(contact=ContactFactory(email=ADA), email=ADA, status="accepted")
    groups = [dead, other] if is_last else [other, dead]
    raw = write_report("\n".join(["Reporting-MTA: dns; m\n", *groups]))
    raw = raw.replace(corpus.fill("{verp}"), corpus.fill("{verp}", delivery.pk))
    intake.take_message(raw.replace(corpus.fill("{original}"), "redacted").encode())
    assert not Suppression.objects.exists()
    is_back = "Action: failed" in other
    assert Delivery.objects.get().status == ("bounced" if is_back else "accepted")


def write_answer(subject, text, sender="Bob <bob@corp.example>", more="Auto-Submitted: auto-replied\n"):
    return corpus.fill(
        f"Return-Path: <>\nFrom: {sender}\nTo: {{verp}}\nSubject: {subject}\n{more}MIME-Version: 1.0\n"
        f"Content-Type: text/plain; charset=utf-8\n\n{text}\n"
    )


@pytest.mark.parametrize(
    ("subject", "text", "how"),
    [
        (
            "Automatic reply: Your parcel could not be delivered",
            "I am out of the office; my mailbox is full. Write to carl@corp.example.",
            {},
        ),
        ("Abwesenheit: Returned mail: 20% auf alles", "carl@corp.example hilft.", {}),
        (
            "Automatic reply: News",
            "Orders after ten are rejected: orders@pizza.example, mailbox disabled.",
            {"sender": "Pizza Delivery <delivery@pizza.example>"},
        ),
        (
            "Re: News",
            "Mails are rejected, the mailbox was disabled: new@corp.example",
            {"sender": "Lotus Müller <lotus@corp.example>", "more": "X-Autoreply: yes\n"},
        ),
        (
            "[Ticket#2026] We have received your request",
            "Requests without a number are rejected. jane@help.example",
            {"sender": "Mail Administrator Desk <desk@help.example>"},
        ),
        (
            "Out of Office Re: delivery failed party",
            "Gone fishing, ask al@x.example",
            {"more": "X-Autorespond: yes\nPrecedence: bulk\n"},
        ),
        (
            "Out of office: News",
            "We are away. Mails are rejected by nobody. al@x.example",
            {"sender": "postmaster@corp.example"},
        ),
        (
            "Undeliverable: read",
            "It was read: user unknown al@x.example",
            {
                "sender": "Mail Delivery System <postmaster@corp.example>",
                "more": "Content-Type: multipart/report; report-type=disposition-notification; boundary=m\n",
            },
        ),
    ],
)
def test_an_automatic_answer_with_words_of_a_report_is_no_bounce(subject, text, how):
    report = read_report(write_answer(subject, text, **how).encode())
    assert (report.kind, report.failures) == ("auto_reply", [])


@pytest.mark.parametrize(
    ("subject", "sender"),
    [("Re: News", "Lotus Müller <lotus@corp.example>"), ("Re: bounce house", "Kate <notes@corp.example>")],
)
def test_what_a_person_writes_is_no_bounce(subject, sender):
    raw = write_answer(subject, "User unknown, says your site. Ask kate@corp.example", sender, more="")
    assert read_report(raw.replace("Return-Path: <>\n", "").encode()).kind == "unknown"


@pytest.mark.parametrize("encoding", ENCODERS)
def test_a_complaint_whose_mail_is_encoded_is_ours(encoding):
    original = ENCODERS[encoding](corpus.fill("{original}").encode()).decode()
    raw = corpus.ARF.replace("{type}", "abuse").replace("{original}", original)
    raw = raw.replace("message/rfc822", f"message/rfc822\nContent-Transfer-Encoding: {encoding}")
    report = read_report(raw.encode())
    assert (report.kind, report.delivery_id) == ("complaint", corpus.DELIVERY)
