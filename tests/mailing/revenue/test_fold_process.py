"""The fold as a process of its own beside the tills: who bought is in the group of buyers a moment later."""

from functools import partial

import pytest
from django.core.management import call_command
from django.db import connection

from mailing.models import Segment
from tests.mailing.revenue.test_killed import process
from tests.mailing.test_buyers import TEA, at_till, members
from tests.pos.tills import AtTill, basket, line
from tests.waiting import wait_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_group_of_buyers_follows_each_sale_void_and_return_without_the_clock():
    till, group = AtTill(), at_till(TEA)
    filled_at = Segment.objects.get().filled_at
    tea = basket() | {"lines": [line("1", 1_000, sku="TEA")]}
    with process(partial(call_command, "fold", every=0.1)):
        for customer in "ABC":
            till.put(f"S{customer}", tea | {"customer": {"id": customer}})
        wait_for(lambda: members(group) == "ABC")
        till.post("SA", "void")
        till.give_back("SB", "R", {"1": 1})
        wait_for(lambda: members(group) == "C")
    connection.close()  # what the fork had of it is gone
    assert Segment.objects.get().filled_at == filled_at, "no clock and no queue has filled it"
