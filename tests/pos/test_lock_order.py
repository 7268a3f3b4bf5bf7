"""The locks of sales: what waits for what, so that no two ever wait for each other."""

import threading
from contextlib import contextmanager

import psycopg
import pytest
from django.db import OperationalError, connection, connections

from promotions import coupons, usage
from promotions.database.statements import Transaction, run
from promotions.models import CustomerUse
from promotions.publish.version import RULES_LOCK
from tests.factories import CouponFactory, PromotionCampaignFactory
from tests.pos.servers import environment_of_test_database
from tests.pos.tills import AtTill, basket
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def hold_locks(sql):
    """Another transaction that has executed `sql` and goes on."""
    with psycopg.connect(environment_of_test_database()["DATABASE_URL"]) as other:
        other.execute(sql)
        yield other
        other.rollback()


@pytest.fixture
def impatient():
    """This thread's connection fails after a second of waiting for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '1s'")
        yield
        cursor.execute("RESET lock_timeout")


@pytest.mark.usefixtures("impatient")
def test_a_sale_that_locks_its_rows_first_does_not_wait_for_sales_whose_lines_refer_to_them():
    coupon = CouponFactory(max_uses=5)
    with hold_locks(f"SELECT FROM promotions_coupon WHERE id = {coupon.pk} FOR KEY SHARE"), Transaction():
        usage.lock_rows("C1", [coupon.pk], [])
        assert run("SELECT 1", {}).one() == (1,)


@pytest.mark.usefixtures("impatient")
def test_an_edit_of_a_coupon_does_not_wait_for_sales_whose_lines_refer_to_it():
    coupon = CouponFactory()
    with hold_locks(f"SELECT FROM promotions_coupon WHERE id = {coupon.pk} FOR KEY SHARE"):
        assert coupons.save_coupon(coupon, max_uses=7, code=coupon.code).max_uses == 7


@pytest.mark.usefixtures("impatient")
def test_another_code_for_a_coupon_waits_for_the_sales_under_way_before_it_locks_anything():
    coupon = CouponFactory(code="OLD-CODE")
    with hold_locks(f"SELECT pg_advisory_xact_lock_shared({RULES_LOCK})") as sale:
        with pytest.raises(OperationalError, match="lock timeout"):
            coupons.save_coupon(coupon, code="NEW-CODE")
        sale.execute(f"SELECT FROM promotions_coupon WHERE id = {coupon.pk} FOR UPDATE NOWAIT")
    assert coupons.save_coupon(coupon, code="NEW-CODE").code == "NEW-CODE"


def test_a_void_takes_the_uses_of_a_customer_in_the_order_in_which_a_sale_counts_them():
    PromotionCampaignFactory(discounting=True, status="active", max_uses_per_customer=9)
    coupon, till = CouponFactory(code="WELCOME", max_uses=9), AtTill()
    known = {"customer": {"id": "C1"}}
    # the row of the coupon is older than that of the campaign, which a sale counts first
    CustomerUse.objects.create(customer="C1", coupon=coupon, uses=1)
    assert till.put("S1", basket(1_000, **known)).status == 201
    of_coupon, of_campaign = CustomerUse.objects.order_by("pk")
    assert of_coupon.pk < of_campaign.pk
    assert of_campaign.campaign_id

    def void_sale():
        try:
            till.post("S1", "void")
        finally:
            connections.close_all()

    void = threading.Thread(target=void_sale)
    with hold_locks(f"SELECT FROM promotions_customeruse WHERE id = {of_campaign.pk} FOR UPDATE") as sale:
        void.start()
        wait_for(is_somebody_waiting)
        # nor does it hold the other row while it waits
        sale.execute(f"SELECT FROM promotions_customeruse WHERE id = {of_coupon.pk} FOR UPDATE NOWAIT")
    void.join()
    assert [use.uses for use in CustomerUse.objects.order_by("pk")] == [1, 0]


def is_somebody_waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])
