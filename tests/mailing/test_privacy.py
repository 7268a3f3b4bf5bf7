"""What is kept of a person, in mails and at the tills: exported, and erased without a change of any figure."""

import csv
import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from campaigns import database_time, doctor
from campaigns.models import Edit
from mailing import contacts, privacy, revenue
from mailing.catcher import outbox
from mailing.importing import stored_verdicts
from mailing.importing.stored_verdicts import Block, Verdict
from mailing.models import Attempt, Contact, Delivery, Membership, Suppression, TrackingConsent, Upload
from pos import folding
from pos.models import Sale, SoldLine
from promotions.models import Coupon, CustomerUse, GroupMember
from tests.factories import (
    ContactFactory,
    ContactListFactory,
    CouponFactory,
    CustomerGroupFactory,
    PromotionFactory,
    user_in,
)
from tests.mailing.offers.carrying import launch_mail
from tests.mailing.revenue.shops import click, refresh
from tests.mailing.running import counts
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db
ADDRESS, NUMBER = "ada.lovelace@example.org", "CARD-4711"


@pytest.fixture
def ada(settings, tmp_path):
    """A contact with rows of every kind, who bought twice with her number and once with her code alone."""
    settings.VAR_DIR = tmp_path
    ada = ContactFactory(
        email=ADDRESS, first_name="Ada", customer_id=NUMBER, attributes={"shoe": "41"}, city="Kiel"
    )
    contacts.save_contact(ada, lists=[ContactListFactory(name="Friends")], by=user_in("Marketers"))
    TrackingConsent.objects.create(contact=ada, is_granted=True, how="hand")
    GroupMember.objects.create(group=CustomerGroupFactory(code="vip"), customer=NUMBER)
    PromotionFactory(standalone=True, max_uses_per_customer=5)
    CouponFactory(code="BOUND", customer=NUMBER)
    mail = launch_mail([ada, ContactFactory(customer_id="OTHER")])
    delivery = mail.deliveries.get(contact=ada)
    Delivery.objects.filter(campaign=mail).update(status="accepted", sent_at=database_time.now(), due_at=None)
    Delivery.objects.filter(pk=delivery.pk).update(text=f"250 queued for {ADDRESS}")
    click(refresh(delivery), timezone.now())
    Attempt.objects.create(
        delivery=delivery, campaign=mail, status="deferred", text=f"450 {ADDRESS} is greylisted"
    )
    upload = Upload.objects.create(name="all.csv", size=1, columns=[])
    rows = [["", "Ada", ADDRESS.upper()], ["", "Bob", "x"]]
    stored_verdicts.store_block(
        upload.pk,
        Block(1, [ADDRESS, "bob@example.org"], [Verdict.INVALID] * 2, {0: ADDRESS}, dict(enumerate(rows))),
    )
    outbox.store_message("shop@example.com", ["Ada.Lovelace@example.org"], b"Subject: Hello\r\n\r\nAda")
    outbox.store_message("shop@example.com", ["bob@example.org"], b"Subject: Hello\r\n\r\nBob")
    till = AtTill()
    named = {"customer": {"id": NUMBER, "groups": ["staff"]}}
    till.put("S1", basket(1_000, 500) | named)
    till.put("S2", basket(700) | named)
    till.give_back("S1", "R1", {"2": 1})
    till.put("S3", basket(900, coupons=[delivery.coupon.code]))
    till.put("S4", basket(900, customer={"id": "OTHER"}))
    folding.fold_sales()
    return ada


def count_rows_with(words):
    """Return how many rows of each table hold these words, wherever."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        found = {}
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" AS t WHERE t::text ILIKE %s', [f"%{words}%"])
            found[table] = cursor.fetchone()[0]
    return {table: rows for table, rows in found.items() if rows}


def test_an_export_holds_what_is_kept_of_a_person_across_mails_and_tills(ada):
    told = json.loads(privacy.write_json(ada))
    assert told["contact"] | {"email": ADDRESS, "customer_id": NUMBER, "first_name": "Ada"} == told["contact"]
    assert told["attributes"] == {"shoe": "41"}
    assert [row["list_name"] for row in told["lists"]] == ["Friends", Membership.objects.last().list.name]
    assert [row["status"] for row in told["mails"]] == ["accepted"]
    assert {row["kind"] for row in told["opens_and_clicks"]} == {"clicked", "opened"}
    assert {row["code"] for row in told["codes"]} == {"BOUND", told["mails"][0]["coupon_code"]}
    assert told["customer_groups"] == ["vip"]
    assert sum(row["uses"] for row in told["uses_counted"]) == 2
    assert [(row["id"], row["total"]) for row in told["sales"]] == [("S1", 1_350), ("S2", 630), ("S3", 810)]
    assert told["sales"][0]["basket"]["lines"][0]["sku"] == "SKU1"
    assert [row["answer"]["total"] for row in told["sales"][0]["returns"]] == [450]
    rows = list(csv.DictReader(io.StringIO("".join(privacy.csv_lines(ada)).removeprefix("\ufeff"))))
    assert {"section": "contact", "row": "1", "name": "email", "value": ADDRESS} in rows
    assert {row["section"] for row in rows} <= told.keys()


def test_an_erased_person_stands_nowhere_and_no_figure_changes(ada):
    campaign = Delivery.objects.get(contact=ada).campaign_id
    mail = Delivery.objects.first().campaign
    before = (revenue.read_revenue([campaign]), counts(mail), SoldLine.objects.count())
    uses = sorted(CustomerUse.objects.values_list("promotion", "uses"))
    privacy.erase_contact(ada, with_sales=True)
    assert count_rows_with(ADDRESS) == {}
    assert count_rows_with(NUMBER) == {}
    assert count_rows_with("Lovelace") == {}
    folding.refold_all_sales()
    folding.fold_sales()
    assert (revenue.read_revenue([campaign]), counts(mail), SoldLine.objects.count()) == before
    assert sorted(CustomerUse.objects.values_list("promotion", "uses")) == uses
    assert list(doctor.find_breaches()) == []
    stand_ins = {Sale.objects.get(reference=name).customer for name in ("S1", "S2")}
    assert len(stand_ins) == 1
    assert stand_ins == {Sale.objects.get(reference="S1").basket["customer"]["id"]}
    assert Sale.objects.get(reference="S1").basket["customer"]["groups"] == ["staff"]
    assert Coupon.objects.get(code="BOUND").customer in stand_ins, "good for nobody else"
    verdicts = list(stored_verdicts.read_verdicts(Upload.objects.get()))
    assert [(row.email.partition("@")[2], row.cells) for row in verdicts] == [
        ("erased.invalid", []),
        ("example.org", ["", "Bob", "x"]),
    ]
    assert [each.recipients for each in outbox.list_messages()] == [["bob@example.org"]]


def test_sales_keep_their_customer_number_unless_it_is_asked_for(ada):
    Suppression.objects.create(email=ADDRESS, reason="unsubscribed", source="form")
    call_command("erase_contact", f" {ADDRESS.upper()}")
    assert count_rows_with(ADDRESS) == {"mailing_suppression": 1}, "so that no import mails them again"
    assert Sale.objects.filter(customer=NUMBER).count() == 2
    with pytest.raises(CommandError, match="There is no contact"):
        call_command("erase_contact", ADDRESS)


def test_who_is_erased_while_a_campaign_runs_is_not_mailed(ada):
    mail = launch_mail([ada])
    privacy.erase_contact(ada, with_sales=False)
    assert mail.deliveries.get().contact is None
    assert mail.deliveries.get().email.endswith("@erased.invalid")


def test_a_return_after_the_erasure_still_moves_the_amount(ada):
    delivery = Delivery.objects.get(contact=ada)
    privacy.erase_contact(ada, with_sales=True)
    before = revenue.read_revenue([delivery.campaign_id])[delivery.campaign_id].attributed.net
    till = AtTill(location=Sale.objects.get(reference="S2").location)
    back = till.give_back("S2", "R2", {"1": 1})
    folding.fold_sales()
    now = revenue.read_revenue([delivery.campaign_id])[delivery.campaign_id].attributed.net
    assert (back["total"], before - now) == (630, 630)


def test_the_page_exports_and_erases(client, ada, capsys):
    client.force_login(user_in("Marketers"))
    page = client.get(f"/contacts/{ada.pk}/").content.decode()
    assert f'href="/contacts/{ada.pk}/erase/"' in page
    assert json.loads(client.get(f"/contacts/{ada.pk}/data.json").content)["contact"]["email"] == ADDRESS
    assert ADDRESS.encode() in b"".join(client.get(f"/contacts/{ada.pk}/data.csv").streaming_content)
    call_command("export_contact", ADDRESS)
    assert json.loads(capsys.readouterr().out)["contact"]["email"] == ADDRESS
    assert NUMBER in client.get(f"/contacts/{ada.pk}/erase/").content.decode()
    assert Contact.objects.filter(pk=ada.pk).exists()
    assert client.post(f"/contacts/{ada.pk}/erase/", {"with_sales": "on"}).status_code == 302
    assert count_rows_with(NUMBER) == {}


def test_an_analyst_may_not_erase(client, ada):
    client.force_login(user_in("Analysts"))
    assert client.post(f"/contacts/{ada.pk}/erase/").status_code == 403
    assert Contact.objects.filter(pk=ada.pk).exists()


def test_of_contacts_deleted_together_in_the_administration_no_edit_stays(admin_client):
    people = [ContactFactory(), ContactFactory()]
    for contact in people:
        contact.city = "Wien"
        contacts.save_contact(contact, lists=[])
    assert Edit.objects.count() == 2
    chosen = {"action": "delete_selected", "_selected_action": [each.pk for each in people], "post": "yes"}
    admin_client.post("/admin/mailing/contact/", chosen)
    assert not Contact.objects.exists()
    assert not Edit.objects.exists()
