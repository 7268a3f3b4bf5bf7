"""A segment as a customer group at the till: who belongs to it, from when on, and who may say so."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from campaigns.refusals import Refused
from mailing import segment_groups, tasks
from mailing.models import Contact, Segment
from promotions import groups
from promotions.models import CustomerGroup, GroupMember
from tests.factories import (
    ContactFactory,
    CustomerGroupFactory,
    EmailCampaignFactory,
    PromotionFactory,
    SegmentFactory,
    user_in,
)
from tests.mailing.pages import page
from tests.pos.tills import AtTill, basket

pytestmark = pytest.mark.django_db

KIEL = {"t-group": "all", "t-0-what": "field:city", "t-0-op": "equals", "t-0-value": "Kiel"}
IN_KIEL = {"all": [{"field": "city", "op": "equals", "value": "Kiel"}]}


def members(group) -> list[str]:
    return sorted(GroupMember.objects.filter(group=group).values_list("customer", flat=True))


@pytest.fixture
def people():
    ContactFactory(city="Kiel", customer_id="C1")
    ContactFactory(city="Kiel", customer_id="C2")
    ContactFactory(city="Kiel", customer_id=None)  # no till knows them
    ContactFactory(city="Bremen", customer_id="C3")


def at_till(**fields) -> Segment:
    return segment_groups.save_segment(SegmentFactory.build(tree=IN_KIEL, **fields), at_till=True)


def test_a_promotion_for_a_segment_is_got_by_its_customers_from_the_very_next_sale(client, marketer, people):
    client.post("/segments/new/", {"name": "On the coast", "at_till": "on", "do": "save"} | KIEL)
    segment = Segment.objects.get()
    assert (segment.group.code, segment.group.name) == ("on-the-coast", "On the coast")
    assert members(segment.group) == ["C1", "C2"]
    PromotionFactory(standalone=True, conditions=[{"type": "in_group", "groups": ["on-the-coast"]}])
    till = AtTill()

    def discount(customer):
        return till.quote(basket(1_000, customer={"id": customer}))["discount"]

    assert [discount(customer) for customer in ("C1", "C2", "C3")] == [100, 100, 0]
    edited = KIEL | {"t-0-value": "Bremen", "name": "On the coast", "at_till": "on", "do": "save"}
    client.post(f"/segments/{segment.pk}/", edited)
    assert [discount(customer) for customer in ("C1", "C2", "C3")] == [0, 0, 100]


def test_what_contacts_do_moves_them_in_and_out_within_minutes(people):
    segment = at_till()
    Contact.objects.filter(customer_id="C1").update(city="Bremen")
    Contact.objects.filter(customer_id="C3").update(city="Kiel")
    kept = GroupMember.objects.get(customer="C2")
    now = timezone.now()
    segment_groups.queue_due_fillings(now)
    assert not OrmQ.objects.exists()  # it was filled a moment ago
    for _ in range(2):  # two clocks
        segment_groups.queue_due_fillings(now + segment_groups.FILL_EVERY + timedelta(seconds=1))
    (queued,) = OrmQ.objects.all()
    assert (queued.task["func"], queued.task["args"]) == ("mailing.tasks.fill_group", (segment.pk,))
    assert tasks.fill_group(segment.pk) == 2
    assert members(segment.group) == ["C2", "C3"]
    assert GroupMember.objects.get(customer="C2") == kept  # who stays is not written anew


def test_only_the_segment_says_who_belongs_to_its_group(client, marketer, people):
    group = at_till(name="Coast").group
    text = page(client, f"/groups/{group.pk}/")
    assert "The segment “Coast” fills this group" in " ".join(
        text.replace("<strong>", "").replace("</strong>", "").split()
    )
    assert 'name="customers"' not in text
    assert "filled by the segment “Coast”" in page(client, "/groups/")
    before = {"shown": "C8", "customers": "C9"}  # from a form opened while people said it
    client.post(f"/groups/{group.pk}/", {"name": "Seaside"} | before)
    assert CustomerGroup.objects.get().name == "Seaside"
    assert members(group) == ["C1", "C2"]
    with pytest.raises(Refused, match="The segment “Coast” fills “Seaside”"):
        groups.set_members(CustomerGroup.objects.get(), ["C9"])


def test_a_segment_that_leaves_the_till_leaves_its_group_to_people(client, marketer, people):
    segment = at_till(name="Coast")
    group = segment.group
    client.post(f"/segments/{segment.pk}/", {"name": "Coast", "do": "save"} | KIEL)
    assert Segment.objects.get().group is None
    assert (CustomerGroup.objects.get().kept_by, members(group)) == ("", ["C1", "C2"])
    assert tasks.fill_group(segment.pk) == 0
    segment_groups.save_segment(Segment.objects.get(), at_till=True)  # again: the code is taken by then
    assert {group.code for group in CustomerGroup.objects.all()} == {"coast", f"coast-{segment.pk}"}


def test_a_deleted_segment_leaves_its_group_to_people(client, marketer, people):
    segment = at_till(name="Coast")
    assert "The customer group “Coast” at the till is kept" in page(client, f"/segments/{segment.pk}/delete/")
    client.post(f"/segments/{segment.pk}/delete/")
    assert not Segment.objects.exists()
    assert (CustomerGroup.objects.get().kept_by, members(segment.group)) == ("", ["C1", "C2"])


def test_a_segment_that_a_campaign_names_stays_and_keeps_its_group(client, marketer, people):
    segment = at_till(name="Coast")
    EmailCampaignFactory().targets.create(segment=segment)
    assert "these campaigns name it" in client.post(f"/segments/{segment.pk}/delete/").content.decode()
    assert Segment.objects.get().group == segment.group
    assert CustomerGroup.objects.get().kept_by == "Coast"


def test_a_group_of_another_segment_of_the_same_name_gets_a_code_of_its_own():
    CustomerGroupFactory(code="coast")
    segment = at_till(name="Coast")
    assert segment.group.code == f"coast-{segment.pk}"


def test_who_may_not_make_groups_is_told_so_and_nothing_is_saved():
    with pytest.raises(Refused, match="You may not add customer groups"):
        segment_groups.save_segment(SegmentFactory.build(tree=IN_KIEL), at_till=True, by=user_in("Analysts"))
    assert not Segment.objects.exists()
