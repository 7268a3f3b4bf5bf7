"""The keys of a sender domain: made, found in DNS, switched on, replaced, deleted; and the mails they sign."""

import datetime as dt

import dkim
import pytest
from cryptography.fernet import Fernet

from campaigns.refusals import Refused
from mailing import launch
from mailing.models import DkimKey, SenderDomain
from mailing.senders import domains, keys
from tests.factories import EmailCampaignFactory
from tests.mailing.running import SEPARATE, launch_campaign, send, to
from tests.mailing.senders.answers import FakeDns

NAME = "shop.example"


def publish(*rows):
    """DNS with the records of these keys."""
    return FakeDns(texts={str(row): [keys.write_record(row.algorithm, row.public_key)] for row in rows})


def make_signing(name=NAME):
    """Keys that sign the mails of a domain."""
    made = domains.make_keys(name)
    return [domains.switch_on(row.pk, resolver=publish(row)) for row in made]


def list_signing(name=NAME):
    signer = domains.find_signer(f"news@{name}")
    return [key.selector for key in signer.keys] if signer else []


@pytest.mark.django_db
def test_keys_sign_once_their_records_are_found():
    made = domains.make_keys(NAME)
    assert {row.algorithm for row in made} == {"ed25519", "rsa"}
    assert list_signing() == []
    with pytest.raises(Refused, match="No DKIM record"):
        domains.switch_on(made[0].pk, resolver=FakeDns())
    with pytest.raises(Refused, match="no answer"):
        domains.switch_on(made[0].pk, resolver=FakeDns(silent=[str(made[0])]))
    assert list_signing() == []
    domains.switch_on(made[0].pk, resolver=publish(*made))
    assert list_signing() == [made[0].selector]
    domains.switch_on(made[1].pk, is_forced=True, resolver=FakeDns())
    assert list_signing() == [row.selector for row in made]
    assert "BEGIN" not in str(
        DkimKey.objects.extra(select={"stored": "private_key"}).values_list("stored", flat=True)
    )


@pytest.mark.django_db
def test_new_keys_replace_old_ones_whose_records_stay_for_a_week():
    old = make_signing()
    new = domains.make_keys(NAME)
    assert not {row.selector for row in old} & {row.selector for row in new}
    assert list_signing() == [row.selector for row in old], "until the new ones are switched on"
    with pytest.raises(Refused, match="wait already"):
        domains.make_keys(NAME)
    for row in new:
        domains.switch_on(row.pk, resolver=publish(row))
    assert list_signing() == [row.selector for row in new]
    with pytest.raises(Refused, match="still on their way"):
        domains.delete_key(old[0].pk)
    with pytest.raises(Refused, match="signs"):
        domains.delete_key(new[0].pk)
    DkimKey.objects.filter(pk=old[0].pk).update(
        switched_on_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        replaced_at=dt.datetime(2026, 1, 2, tzinfo=dt.UTC),
    )
    domains.delete_key(old[0].pk)
    domains.switch_off(new[0].pk)
    assert list_signing() == [new[1].selector]
    with pytest.raises(Refused, match="already"):
        domains.switch_on(new[0].pk, resolver=publish(new[0]))


@pytest.mark.django_db
def test_a_key_that_cannot_be_read_stops_a_launch_and_is_named(settings):
    make_signing()
    campaign = EmailCampaignFactory(launchable=True, from_email=f"news@{NAME}")
    assert launch.find_problems(campaign) == []
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    said = dict(launch.find_problems(campaign))["from_email"]
    assert "DKIM key" in said
    assert NAME in said


@SEPARATE
@pytest.mark.usefixtures("short_waits", "sound_books")
class TestCampaigns:
    """Campaigns that are really sent to a server."""

    def test_each_mail_is_signed_as_another_program_checks_it(self, server):
        rows = make_signing("example.com")
        records = {
            f"{row}.".encode(): keys.write_record(row.algorithm, row.public_key).encode() for row in rows
        }
        server.settings.keep_every = 1
        body = (
            "Hello {{ first_name }}\n\n.\n\n..two dots  \n\n"
            + "Grüße " * 60
            + "\n\n[Leave]({{ unsubscribe_url }})"
        )
        campaign = send(launch_campaign(4, connection=to(server), body=body))
        assert campaign.status == "completed"
        assert len(server.kept) == 4
        for message in server.kept.values():
            for place in range(2):
                assert dkim.DKIM(message).verify(idx=place, dnsfunc=lambda name, timeout=5: records[name])

    def test_a_domain_without_keys_sends_unsigned(self, server):
        make_signing("other.example")
        server.settings.keep_every = 1
        send(launch_campaign(1, connection=to(server)))
        assert b"DKIM-Signature" not in server.kept[1]

    def test_a_key_that_cannot_be_read_any_more_pauses_and_loses_nobody(self, server, settings):
        make_signing("example.com")
        campaign = launch_campaign(3, connection=to(server))
        known = settings.ENCRYPTION_KEYS
        settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
        campaign = send(campaign)
        assert campaign.status == "paused"
        assert "DKIM key" in campaign.history.first().why
        assert server.accepted == []
        settings.ENCRYPTION_KEYS = known


@pytest.mark.django_db
class TestPages:
    def test_the_way_from_a_domain_to_its_signature(self, client, administrator, monkeypatch):
        dns = FakeDns()
        monkeypatch.setattr(domains.lookups, "DnsResolver", lambda: dns)
        assert client.post("/senders/", {"name": " Shop.Example. "}).url == f"/senders/{NAME}/"
        client.post(f"/senders/{NAME}/keys/")
        rsa, ed25519 = DkimKey.objects.order_by("-algorithm")
        shown = client.get(f"/senders/{NAME}/").content.decode()
        assert f"{ed25519.selector}._domainkey.{NAME}" in shown
        assert f"v=DKIM1; k=ed25519; p={ed25519.public_key}" in shown.replace("&#x2B;", "+")
        assert shown.count("In a zone file") == 1, "only the long one needs to be split"
        answer = client.post(f"/dkim-keys/{rsa.pk}/on/", follow=True).content.decode()
        assert "is not switched on. No DKIM record is found there." in answer
        assert "Switch on anyway" in answer
        assert "may be refused" in client.get(f"/dkim-keys/{rsa.pk}/on-unseen/").content.decode()
        client.post(f"/dkim-keys/{rsa.pk}/on-unseen/")
        dns.texts = publish(ed25519).texts
        client.post(f"/dkim-keys/{ed25519.pk}/on/")
        assert len(list_signing()) == 2
        client.post(f"/senders/{NAME}/check/")
        ed25519.refresh_from_db()
        rsa.refresh_from_db()
        assert (ed25519.is_found, rsa.is_found) == (True, False)
        assert "Signed" in client.get("/connections/").content.decode()

    @pytest.mark.parametrize("name", ["x", "a b", "Shop.example", "shop.example."])
    def test_what_is_no_domain_has_no_page(self, client, administrator, name):
        assert client.get(f"/senders/{name}/").status_code == 404
        assert not SenderDomain.objects.exists()

    def test_a_wrong_domain_comes_back_with_the_sentence_at_its_field(self, client, administrator):
        answer = client.post("/senders/", {"name": "shop example"})
        assert answer.status_code == 422
        page = answer.content.decode()
        assert "“shop example” is not a domain" in page
        assert 'value="shop example"' in page
        assert not SenderDomain.objects.exists()

    def test_a_domain_typed_wrong_is_deleted_and_one_with_keys_is_not(self, client, administrator):
        client.post("/senders/", {"name": "shpo.example"})
        assert "/senders/shpo.example/delete/" in client.get("/senders/shpo.example/").content.decode()
        asked = client.get("/senders/shpo.example/delete/").content.decode()
        assert "Delete the sender domain shpo.example?" in asked
        client.post("/senders/shpo.example/delete/")
        assert not SenderDomain.objects.exists()
        domains.make_keys(NAME)
        assert f"/senders/{NAME}/delete/" not in client.get(f"/senders/{NAME}/").content.decode()
        refused = client.post(f"/senders/{NAME}/delete/")
        assert refused.status_code == 409
        assert "has DKIM keys: delete them first" in refused.content.decode()
        assert SenderDomain.objects.exists()

    def test_who_only_looks_changes_nothing(self, client, marketer):
        made = domains.make_keys(NAME)
        shown = client.get(f"/senders/{NAME}/").content.decode()
        assert made[0].selector in shown
        assert "Switch on" not in shown
        for path in (
            f"/senders/{NAME}/keys/",
            f"/dkim-keys/{made[0].pk}/on/",
            f"/dkim-keys/{made[0].pk}/delete/",
            f"/senders/{NAME}/delete/",
        ):
            assert client.post(path).status_code == 403
        assert "BEGIN PRIVATE KEY" not in shown
