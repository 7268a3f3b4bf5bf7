"""The tasks of the queue in Django admin: who tries a failed one again, and which may run at all."""

import re

import pytest
from django_q.models import Failure, OrmQ, Schedule

from tests.campaigns.admins import address, sign_in, task

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", ["Administrators", "superuser"])
def test_nobody_makes_or_changes_a_schedule(client, role):
    sign_in(client, role)
    fields = {"func": "os.system", "args": "'id'", "schedule_type": "O", "repeats": "-1",
              "next_run_0": "2026-01-01", "next_run_1": "00:00:00"}  # fmt: skip
    assert client.post(address(Schedule, "add"), fields).status_code == 403
    mine = Schedule.objects.create(func="campaigns.clock.tick")
    assert client.post(address(Schedule, "change", mine.pk), fields).status_code == 403
    assert client.post(address(Schedule, "delete", mine.pk), {"post": "yes"}).status_code == 403
    assert set(Schedule.objects.values_list("func", flat=True)) == {"campaigns.clock.tick"}


def retry(client, failure, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        return client.post(
            address(Failure, "changelist"), {"action": "retry", "_selected_action": [failure.pk]}, follow=True
        ).content.decode()


def test_a_failed_task_is_tried_again_unless_it_may_not_run(client, django_capture_on_commit_callbacks):
    sign_in(client, "Administrators")
    failure = Failure.objects.create(
        **task(success=False, kwargs={}, hook="os.system", group="g", cluster="mail")
    )
    assert "is in the queue again" in retry(client, failure, django_capture_on_commit_callbacks)
    assert not Failure.objects.exists()
    waiting = OrmQ.objects.get()
    assert (waiting.key, waiting.task["func"], waiting.task["args"]) == ("mail", "mailing.tasks.close", (5,))
    assert "hook" not in waiting.task
    text = client.get(address(OrmQ, "change", waiting.pk)).content.decode()
    assert "mailing.tasks.close" in text
    evil = Failure.objects.create(**task(func="os.system", success=False, kwargs={}))
    assert "not one of the tasks that may run" in retry(client, evil, django_capture_on_commit_callbacks)
    assert (OrmQ.objects.count(), Failure.objects.count()) == (1, 1)


def test_a_marketer_on_the_staff_does_not_try_tasks_again(client, django_capture_on_commit_callbacks):
    sign_in(client, "Marketers")
    failure = Failure.objects.create(**task(success=False, kwargs={}))
    retry(client, failure, django_capture_on_commit_callbacks)
    assert (OrmQ.objects.count(), Failure.objects.count()) == (0, 1)
    assert re.search("Log in", client.get("/admin/django_q/failure/", follow=True).content.decode()) is None
