"""A code never outlives its promotion, though the database checks no foreign key between them."""

import threading

import pytest
from django.db import connection, transaction

from campaigns.refusals import Refused
from promotions import coupons, publish
from promotions.models import Coupon, Promotion
from tests.factories import PromotionFactory


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("make", ["many", "one"])
def test_codes_made_while_their_promotion_is_deleted_are_refused_or_go_with_it(make):
    promotion = PromotionFactory(trigger="coupon")
    answers = []

    def make_codes():
        try:
            if make == "many":
                coupons.generate_codes(promotion, 5)
            else:
                coupons.save_coupon(None, promotion=promotion, code="SPRING10")
        except Refused as refused:
            answers.append(str(refused))
        finally:
            connection.close()

    making = threading.Thread(target=make_codes)
    with transaction.atomic():
        publish.delete_promotion(promotion)
        making.start()
        making.join(0.3)
        assert making.is_alive(), "it waits for the deletion"
    making.join(20)
    assert answers == ["The promotion of this code was deleted: it is not valid."]
    assert (Promotion.objects.count(), Coupon.objects.count()) == (0, 0)
