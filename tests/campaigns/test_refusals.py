"""Rights: one sentence for everybody who lacks one."""

import pytest
from django.conf import settings

from campaigns import refusals
from tests.factories import user_in

FOLDERS = ("campaigns", "promotions", "pos", "mailing", "config")


@pytest.mark.django_db
def test_who_lacks_a_right_is_told_what_they_may_not_do_and_whom_to_ask():
    analyst = user_in("Analysts")
    with pytest.raises(refusals.Refused) as refused:
        refusals.require(analyst, "promotions.add_coupon", "add coupons")
    assert str(refused.value) == "You may not add coupons: ask an administrator for permission."


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["Marketers", None])
def test_who_has_the_right_goes_on_and_so_does_the_system(role):
    refusals.require(user_in(role) if role else None, "promotions.add_coupon", "add coupons")


def test_the_sentence_is_written_once():
    writers = [
        str(path.relative_to(settings.BASE_DIR))
        for folder in FOLDERS
        for path in (settings.BASE_DIR / folder).rglob("*.py")
        if "ask an administrator for permission." in path.read_text()
    ]
    assert writers == ["campaigns/refusals.py"]
