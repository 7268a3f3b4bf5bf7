"""The doctor names rows of the closed loop that somebody has damaged by hand."""

import pytest
from django.db import connection

from campaigns import doctor
from pos import folding
from tests.mailing.offers.carrying import launch_mail
from tests.pos.tills import AtTill, basket, line

pytestmark = pytest.mark.django_db


def damage(statement):
    """Execute a statement past all triggers and foreign keys."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement)
        cursor.execute("SET session_replication_role = origin")


@pytest.fixture
def mail():
    return launch_mail(40, hold_out=50)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "UPDATE promotions_coupon SET made_for = NULL WHERE id = (SELECT min(id) FROM promotions_coupon)",
            "{codes_less_one} codes were made, {codes} recipients have {codes} different ones.",
        ),
        (
            "UPDATE mailing_delivery SET coupon_id = NULL WHERE id = {mailed}",
            "1 recipients have no code of their own, or one of another promotion.",
        ),
        (
            "SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE mailing_delivery DROP CONSTRAINT held_out_is_never_sent;"
            " UPDATE mailing_delivery SET coupon_id = (SELECT min(id) FROM promotions_coupon) WHERE id = {held}",
            "delivery {held} is held out, but has a code or was tried.",
        ),
        (
            "UPDATE promotions_coupon SET made_for = (SELECT contact_id FROM mailing_delivery WHERE id = {held})"
            " WHERE id = (SELECT max(id) FROM promotions_coupon)",
            "delivery {held} is held out, but has a code or was tried.",
        ),
        (
            "INSERT INTO mailing_attempt (delivery_id, campaign_id, connection_id, at, status, stage, enhanced_code,"
            " text) SELECT id, campaign_id, {smtp}, now(), 'accepted', '', '', '' FROM mailing_delivery"
            " WHERE id = {held}",
            "delivery {held} is held out, but has a code or was tried.",
        ),
    ],
)
def test_codes_equal_deliveries_and_who_is_held_out_has_none(mail, statement, said):
    assert list(doctor.find_breaches()) == []
    codes = mail.deliveries.exclude(status="held_out").count()
    words = {
        "codes": codes,
        "codes_less_one": codes - 1,
        "mailed": mail.deliveries.exclude(status="held_out").first().pk,
        "held": mail.deliveries.filter(status="held_out").first().pk,
        "smtp": mail.connection_id,
    }
    damage(statement.format(**words))
    assert f"Campaign {mail.pk}: {said.format(**words)}" in list(doctor.find_breaches())


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM pos_soldline WHERE line = '2'", "1 sold lines and 2 units"),
        ("UPDATE pos_soldline SET quantity = 7 WHERE line = '1'", "2 sold lines and 6 units"),
        ("UPDATE pos_soldline SET returned_quantity = 0", "2 sold lines and 3.350 units"),
    ],
)
def test_sold_lines_equal_baskets_less_returns(statement, found):
    till = AtTill()
    weighed = line("2", 0, "0.350", sku="CHEESE", line_total=0)
    till.put("S1", basket() | {"lines": [line("1", 1_000, 3), weighed]})
    till.give_back("S1", "R1", {"1": 1, "2": "0.350"})
    folding.fold_sales()
    assert list(doctor.find_breaches()) == []
    damage(statement)
    (told,) = [each for each in doctor.find_breaches() if "units" in each]
    assert told.partition("(S1) ")[2].startswith("has 2 lines and kept 2 units; it has ")
    assert told.replace(".000", "").removesuffix(".").endswith(found)
