"""SPF and DMARC on the page of a sender domain: how they stand, and the very record to set."""

import pytest

from mailing.models import SenderDomain
from mailing.preflight import records
from mailing.senders import lookups
from tests.factories import SmtpConnectionFactory
from tests.mailing.senders.answers import FakeDns

pytestmark = pytest.mark.django_db
NAME = "shop.example"
ADDRESS = "93.184.215.14"
REPORTS = f"rua=mailto:postmaster@{NAME}"


def check(texts, *, host="mx.shop.example", **fields):
    """What is found of the domain, whose mails leave through `host`; title to record."""
    SmtpConnectionFactory(**{"host": host, "from_email": f"news@{NAME}"} | fields)
    others = {"x.example": ["v=spf1 -all"]} if "redirect" in str(texts) else {"sendgrid.net": ["v=spf1 -all"]}
    dns = FakeDns(texts=texts | others, addresses={"mx.shop.example": [ADDRESS]})
    return {record.title: record for record in records.check_domain(NAME, dns)}


@pytest.mark.parametrize(
    ("host", "now", "state", "text"),
    [
        ("mx.shop.example", [], "fail", "v=spf1 a:mx.shop.example ~all"),
        (ADDRESS, [], "fail", f"v=spf1 ip4:{ADDRESS} ~all"),
        ("smtp.sendgrid.net", [], "fail", "v=spf1 include:sendgrid.net ~all"),
        ("email-smtp.eu-west-1.amazonaws.com", [], "fail", "v=spf1 include:amazonses.com ~all"),
        ("mx.shop.example", ["v=spf1 mx -all"], "warn", "v=spf1 mx a:mx.shop.example -all"),
        ("mx.shop.example", ["v=spf1 include:x.example ~all"], "fail", ""),
        ("smtp.sendgrid.net", ["v=spf1 mx -all"], "warn", "v=spf1 mx include:sendgrid.net -all"),
        ("smtp.sendgrid.net", ["v=spf1 include:sendgrid.net -all"], "ok", ""),
        ("mx.shop.example", [f"v=spf1 ip4:{ADDRESS} ?all"], "warn", f"v=spf1 ip4:{ADDRESS} ~all"),
        ("mx.shop.example", ["v=spf1 mx redirect=x.example"], "warn", "v=spf1 mx a:mx.shop.example redirect=x.example"),
        ("mx.shop.example", ["v=spf1 a -all", "v=spf1 mx -all"], "fail", ""),
        ("mx.shop.example", [f"v=spf1 ip4:{ADDRESS} -all"], "ok", ""),
        ("mx.shop.example", ["v=spf1 a:mx.shop.example ~all"], "ok", ""),
    ],
)  # fmt: skip
def test_the_spf_record_to_set(host, now, state, text):
    found = check({NAME: now}, host=host)["SPF"]
    assert (found.state, found.text) == (state, text)
    assert found.name == (NAME if text else "")


@pytest.mark.parametrize(
    ("now", "name", "text"),
    [
        ([], f"_dmarc.{NAME}", f"v=DMARC1; p=none; {REPORTS}"),
        (["v=DMARC1; p=maybe"], f"_dmarc.{NAME}", f"v=DMARC1; p=none; {REPORTS}"),
        (["v=DMARC1; p=reject;"], f"_dmarc.{NAME}", f"v=DMARC1; p=reject; {REPORTS}"),
        (["v=DMARC1; p=none; rua=mailto:x@y.example"], "", ""),
    ],
)
def test_the_dmarc_record_to_set(now, name, text):
    found = check({f"_dmarc.{NAME}": now})["DMARC"]
    assert (found.name, found.text) == (name, text)


def test_each_domain_that_mails_come_back_to_has_an_spf_record_of_its_own():
    SmtpConnectionFactory(host="mx.shop.example", from_email=f"b@{NAME}", bounce_address="b@back.example")
    found = [
        record.name
        for record in records.check_domain(NAME, FakeDns(addresses={"mx.shop.example": [ADDRESS]}))
        if record.title == "SPF"
    ]
    assert found == ["back.example"]


def test_without_a_connection_or_an_answer_nothing_is_guessed():
    spf, dmarc = records.check_domain(NAME, FakeDns())
    assert (spf.state, spf.text) == ("fail", "")
    assert dmarc.text
    silent = records.check_domain(NAME, FakeDns(silent=[NAME, f"_dmarc.{NAME}"]))
    assert [(record.state, record.text) for record in silent] == [("unknown", ""), ("unknown", "")]


def test_what_a_hostile_name_server_says_is_stored_and_never_proposed():
    for words in ("x\0y", "\ud800", "a" * 70_000):
        found = check({NAME: [f"v=spf1 {words} mx ~all"], f"_dmarc.{NAME}": [f"v=DMARC1; p=none; x={words}"]})
        assert set(found) == {"SPF", "DMARC"}
        kept = records.read_records(SenderDomain.objects.get())
        assert [record.text for record in kept] == ["", ""]


def test_the_page_of_the_domain_shows_state_record_and_what_to_do(client, administrator, monkeypatch):
    dns = FakeDns(addresses={"mx.shop.example": [ADDRESS]})
    monkeypatch.setattr(lookups, "DnsResolver", lambda: dns)
    SmtpConnectionFactory(host="mx.shop.example", from_email=f"news@{NAME}")
    page = f"/senders/{NAME}/"
    assert "Not looked for yet" in client.get(page).content.decode()
    client.post(f"{page}check/")
    shown = client.get(page).content.decode()
    assert f"{NAME} has no SPF record." in shown
    assert "v=spf1 a:mx.shop.example ~all" in shown
    assert f"_dmarc.{NAME}" in shown
    assert f"v=DMARC1; p=none; {REPORTS}" in shown
    dns.texts = {NAME: [f"v=spf1 ip4:{ADDRESS} -all"], f"_dmarc.{NAME}": [f"v=DMARC1; p=none; {REPORTS}"]}
    client.post(f"{page}check/")
    assert "v=spf1 a:mx" not in client.get(page).content.decode()
    assert SenderDomain.objects.get().records_at is not None
