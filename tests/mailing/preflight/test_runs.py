"""A check from its button to its lines: of a campaign, and of a connection."""

import pytest
from django_q.models import OrmQ

from mailing import tasks
from mailing.models import Contact, Preflight
from mailing.preflight import contents, runs
from mailing.preflight.lines import State
from mailing.senders import domains, keys
from tests.factories import SmtpConnectionFactory
from tests.mailing.running import draft
from tests.mailing.senders.answers import FakeDns

pytestmark = pytest.mark.django_db
BODY = "# Tea\n\n[Our tea](https://shop.invalid/tea)\n\n[Leave the newsletter]({{ unsubscribe_url }})"


@pytest.fixture
def smtp(server):
    return SmtpConnectionFactory(port=server.port, from_email="news@shop.example")


def make_dns(*rows, **more):
    texts = {str(row): [keys.write_record(row.algorithm, row.public_key)] for row in rows}
    texts["shop.example"] = ["v=spf1 ip4:192.0.2.0/24 -all"]
    texts["_dmarc.shop.example"] = ["v=DMARC1; p=none; rua=mailto:x@shop.example"]
    return FakeDns(texts | more)


def make_signing(name="shop.example"):
    return [domains.switch_on(row.pk, is_forced=True, resolver=FakeDns()) for row in domains.make_keys(name)]


def check(subject, dns):
    """The state of each title; the worst where a title comes more than once."""
    row = runs.request_check(subject)
    found = runs.run_check(row.pk, dns, may_ask=lambda address: False)
    order = [State.OK, State.UNKNOWN, State.WARN, State.FAIL]
    states = {}
    for line in found:
        states[line.title] = max(states.get(line.title, State.OK), line.state, key=order.index)
    return states


def test_a_campaign_in_order(smtp):
    campaign = draft(2, connection=smtp, from_email="news@shop.example", body=BODY)
    states = check(campaign, make_dns(*make_signing()))
    wrong = {title: state for title, state in states.items() if state is not State.OK}
    # the server is on this machine, and the link's host does not exist
    assert wrong == {"SPF": State.UNKNOWN, "Reverse name": State.UNKNOWN, "Links": State.FAIL}
    row = Preflight.objects.get(campaign=campaign)
    assert row.finished_at is not None
    assert len(runs.read_lines(row)) == len(states)


def test_a_campaign_with_faults(smtp, monkeypatch):
    monkeypatch.setattr(contents, "GMAIL_FROM", 2)
    smtp.per_hour = smtp.per_day = 1
    smtp.allowed_domains = ["other.example"]
    smtp.save()
    people = [Contact.objects.create(email=f"a{number}@gmail.com") for number in range(40)]
    body = (
        '<h1>a</h1><h4>b</h4><img src="https://shop.invalid/x.png"><p style="color:#aaa">c</p>'
        + " " * 110_000
    )
    campaign = draft(
        people, connection=smtp, from_email="news@shop.example", body_format="html",
        body=f'<body>{body}<a href="https://shop.invalid/">here</a><a href="{{{{ unsubscribe_url }}}}">Bye</a></body>',
    )  # fmt: skip
    states = check(campaign, FakeDns())
    expected = {
        "Sender domain": State.FAIL, "DKIM": State.WARN, "DMARC": State.FAIL, "SPF": State.FAIL, "Size": State.WARN,
        "Pictures": State.WARN, "Headings": State.WARN, "Contrast": State.WARN, "Link texts": State.WARN,
        "Links": State.FAIL, "Time and limits": State.WARN, "Gmail": State.WARN,
    }  # fmt: skip
    assert expected.items() <= states.items()


@pytest.mark.parametrize(
    ("dns", "title", "state"),
    [
        (FakeDns(silent=["shop.example"]), "SPF", State.UNKNOWN),
        (FakeDns({"shop.example": ["v=spf1 +all"]}), "SPF", State.WARN),
        (FakeDns({"shop.example": ["v=spf1 -all", "v=spf1 -all"]}), "SPF", State.FAIL),
        (FakeDns({"_dmarc.shop.example": ["v=DMARC1; p=never"]}), "DMARC", State.FAIL),
        (FakeDns({"_dmarc.shop.example": ["v=DMARC1; p=none"]}), "DMARC", State.WARN),
    ],
)
def test_a_connection(smtp, dns, title, state):
    assert check(smtp, dns)[title] is state


def test_what_dns_says_is_kept_whatever_it_holds(smtp):
    records = {"_dmarc.shop.example": ["v=DMARC1; p=\0" + "x" * 5_000], "shop.example": ["v=spf1 \0\ud800:x"]}
    assert check(smtp, FakeDns(records))["DMARC"] is State.FAIL
    said = [line.said for line in runs.read_lines(Preflight.objects.get())]
    assert any("p=�xxx" in each for each in said)
    assert max(map(len, said)) < 500


def test_connections_after_slow_ones_are_not_tried(smtp, monkeypatch):
    monkeypatch.setattr(runs, "SECONDS_OF_SERVERS", -1.0)
    assert check(smtp, FakeDns()) == {"Encryption and login": State.UNKNOWN}


def test_a_server_that_is_away_is_said(smtp):
    smtp.port = 9
    smtp.save()
    assert check(smtp, FakeDns())["Encryption and login"] is State.FAIL


def test_a_public_server_is_named_by_its_records(monkeypatch):
    smtp = SmtpConnectionFactory(host="mail.shop.example", from_email="news@shop.example")
    monkeypatch.setattr("mailing.connections.reach_connection", lambda smtp: runs_fine())
    address = "93.184.216.34"
    dns = make_dns()
    dns.texts["shop.example"] = [f"v=spf1 ip4:{address} -all"]
    dns.addresses = {"mail.shop.example": [address]}
    assert check(smtp, dns) | {"SPF": State.OK, "Reverse name": State.WARN} == check(smtp, dns)
    dns.names = {address: ["mail.shop.example"]}
    states = check(smtp, dns)
    assert states["Reverse name"] is State.OK
    assert states["Encryption and login"] is State.WARN, "it goes out in clear"


def runs_fine():
    from mailing.connections import ConnectionTest

    return ConnectionTest(True, "", "It answers.")


def test_pages(client, administrator, smtp, monkeypatch):
    monkeypatch.setattr(runs.lookups, "DnsResolver", lambda: FakeDns(silent=["shop.example"]))
    campaign = draft(1, connection=smtp, from_email="news@shop.example", body=BODY)
    path = f"/campaigns/email/{campaign.pk}/check/"
    assert path in client.get(f"/campaigns/email/{campaign.pk}/").content.decode()
    assert "It sends nothing." in client.get(path).content.decode()
    asked = client.post(path, HTTP_HX_REQUEST="true").content.decode()
    assert 'hx-trigger="every 2s"' in asked
    assert "It waits for its turn" in asked
    client.post(path)
    assert OrmQ.objects.count() <= 1, "one check at a time"
    tasks.run_preflight(Preflight.objects.get().pk)
    shown = client.get(path, HTTP_HX_REQUEST="true").content.decode()
    assert "every 2s" not in shown
    assert "DNS gave no answer for shop.example." in shown
    assert "Not known" in shown
    assert "Nothing here stops a launch." in shown
    assert f"/connections/{smtp.pk}/check/" in client.get(f"/connections/{smtp.pk}/").content.decode()
    assert client.get(f"/connections/{smtp.pk}/check/").status_code == 200
