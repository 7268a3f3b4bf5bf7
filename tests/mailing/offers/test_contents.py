"""What a mail says of its offer: code, end, pictures and the note for mail programs."""

import json
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from mailing import launch, renderer
from mailing.content import Links, OfferNote, Recipient, Source, compile, find_problems
from mailing.mail_offers import MailOffer, write_end
from mailing.sending import tokens
from mailing.sending.tokens import Purpose
from tests.mailing.offers.carrying import BODY, draft_mail, make_offer

OFFER = {
    "code": "AUTUMN-RTKMWHPXB",
    "label": "A tenth off",
    "ends_at": "2026-12-31",
    "until": "2027-01-01T00:00+01:00",
    "qr": "https://m.shop.test/o/tok/qr.png",
    "barcode": "https://m.shop.test/o/tok/barcode.png",
}
LINKS = Links("https://m.shop.test", "tok")


def source(body=BODY, **fields):
    given = {
        "subject": "{{ offer.code }} for {{ first_name }}",
        "from_email": "shop@example.com",
        "body": body,
        "body_format": "markdown",
        "offer": OfferNote("A tenth off", True),
    }
    return Source(**given | fields)


def reader(**offer):
    return Recipient("ada@example.com", {"offer": OFFER | offer}, "Ada", seed=7)


def parts(message):
    parsed = message_from_bytes(message, policy=policy.default)
    return (
        parsed["Subject"],
        parsed.get_body(("html",)).get_content(),
        parsed.get_body(("plain",)).get_content(),
    )


def test_the_code_stands_in_the_subject_in_both_parts_and_in_the_alt_text():
    compiled = compile(source())
    subject, html, text = parts(compiled.render(reader(), LINKS))
    assert subject == "AUTUMN-RTKMWHPXB for Ada"
    assert "your code is AUTUMN-RTKMWHPXB, good until 2026-12-31." in html
    assert "your code is AUTUMN-RTKMWHPXB, good until 2026-12-31." in text
    assert re.search(
        r'<img[^>]*src="https://m\.shop\.test/o/tok/qr\.png"[^>]*alt="Code AUTUMN-RTKMWHPXB"', html
    )


def test_splicing_gives_the_bytes_of_a_full_render():
    body = BODY + (
        "\n\n{{ offer.ends_at | date: 'long' }} {% if offer.code %}yes {{ offer.code }}{% endif %}"
        "{% assign offer_code = offer.code %}{{ offer_code }} {% if points > 3 %}{{ offer.label }}{% endif %}"
    )
    compiled = compile(source(body))
    for who in (reader(), reader(code="B<&>", ends_at=""), Recipient("bo@example.com", {}, "Bo", seed=8)):
        assert compiled.render(who, LINKS, at=0) == compiled.render_in_full(who, LINKS, at=0)


def test_a_template_may_use_the_name_for_something_of_its_own():
    body = "{% for offer in offers %}{{ offer.code }};{% endfor %}\n\n[Unsubscribe]({{ unsubscribe_url }})"
    compiled = compile(source(body, subject="S", offer=None))
    who = Recipient("ada@example.com", {"offers": [{"code": "one"}, {"code": "two"}]}, "Ada")
    assert "one;two;" in parts(compiled.render(who, LINKS))[2]


def test_the_note_for_mail_programs_has_the_code_and_its_end_and_no_name_breaks_it():
    note = OfferNote('10% off "everything" </script> {{ x }}', True)
    _, html, text = parts(compile(source(offer=note)).render(reader(), LINKS))
    (written,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.DOTALL)
    assert json.loads(written) == [
        {
            "@context": "http://schema.org/",
            "@type": "DiscountOffer",
            "description": '10% off "everything" </script> {{ x }}',
            "discountCode": "AUTUMN-RTKMWHPXB",
            "availabilityEnds": "2027-01-01T00:00+01:00",
        }
    ]
    assert "schema.org" not in text


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"body": "Hello\n\n[Unsubscribe]({{ unsubscribe_url }})"}, "body", "never shows the code"),
        (
            {"body": "{% if vip %}{{ offer.code }}{% endif %} Hello\n\n[Unsubscribe]({{ unsubscribe_url }})"},
            "body",
            "never shows the code",
        ),
        ({"text": "Hello. {{ unsubscribe_url }}"}, "text", "never shows the code"),
        ({"body": BODY + "{{ offer.cod }}"}, "body", "the offer has no field cod"),
    ],
)
def test_a_mail_that_never_shows_its_code_is_an_objection(fields, field, words):
    found = find_problems(source(**fields), [reader()], ["vip"])
    assert [(said, words in sentence) for said, sentence in found] == [(field, True)]


def test_a_mail_that_shows_its_code_is_none():
    assert find_problems(source(), [reader()]) == []
    assert find_problems(source(text="{{ offer.code }} {{ unsubscribe_url }}"), [reader()]) == []


# ── ends ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def offer(**fields):
    return MailOffer(
        **{"label": "L", "ends_at": None, "zone": "Europe/Berlin", "code_ends_at": None, "code_days": None}
        | fields
    )


@pytest.mark.parametrize(
    ("sent", "days", "last_day"),
    [
        ("2026-11-29T22:30+00:00", 3, "2026-12-02"),  # still the 29th in Berlin
        ("2026-11-29T23:30+00:00", 3, "2026-12-03"),
        ("2026-03-27T12:00+00:00", 2, "2026-03-29"),  # the day that has 23 hours
        ("2026-10-24T12:00+00:00", 1, "2026-10-25"),  # the day that has 25
    ],
)
def test_days_after_the_mail_end_with_the_last_of_them_where_the_shops_are(sent, days, last_day):
    mail = offer(code_days=days)
    values = mail.write_values("C", "tok", datetime.fromisoformat(sent))
    assert values["ends_at"] == last_day
    end = mail.find_code_end(datetime.fromisoformat(sent))
    assert (end.hour, end.minute, write_end(end)) == (0, 0, last_day)


def test_a_mail_promises_no_longer_than_the_promotion_lasts():
    soon = datetime(2026, 12, 1, 17, 0, tzinfo=UTC)
    now = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
    assert offer(code_days=30, ends_at=soon).write_values("C", "tok", now)["ends_at"] == "2026-12-01 18:00"
    assert offer(code_days=1, ends_at=soon).write_values("C", "tok", now)["ends_at"] == "2026-11-30"
    assert offer().write_values("C", "tok", now)["ends_at"] == ""


# ── previews and test mails ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.django_db
def test_a_preview_shows_a_code_that_looks_real_and_is_none():
    mail = draft_mail(code_prefix="autumn-")
    shown = renderer.render_preview(
        launch.build_source(mail),
        launch.build_reader(mail, mail.targets.get().list.memberships.first().contact),
    )
    assert "AUTUMN-RTKMWHPXF" in shown.text or re.search("AUTUMN-RTKMWHPX.", shown.text)
    assert tokens.sign_token(tokens.TEST_DELIVERY_ID, Purpose.OFFER) in shown.html


@pytest.mark.django_db
def test_the_launch_objects_to_a_mail_that_never_shows_its_code():
    mail = draft_mail(body="Hello {{ first_name }}\n\n[Unsubscribe]({{ unsubscribe_url }})")
    ((field, sentence),) = launch.find_problems(mail)
    assert (field, "never shows the code of its offer" in sentence) == ("body", True)


@pytest.mark.django_db
def test_a_mail_without_an_offer_knows_no_code():
    make_offer()
    ((field, sentence),) = launch.find_problems(
        draft_mail(offer=None, body="{{ offer.code }}\n\n[Unsubscribe]({{ unsubscribe_url }})")
    )
    assert (field, "no contact has a field offer" in sentence) == ("body", True)
