"""Django admin of the queue. It can be read; a failed task can be tried again or deleted."""

from functools import partial

import django_q.admin
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest
from django_q.models import Failure, OrmQ, Schedule, Success
from django_q.tasks import async_task

from campaigns import queue
from campaigns.admin.bases import ReadOnlyAdmin
from campaigns.annotations import AdminRow, Columns
from campaigns.models import LoginLimit, LoginPlace, Seed

TASK = ("name", "func", "args", "kwargs", "result", "group", "cluster", "started", "stopped", "attempt_count")

admin.site.unregister(
    [model for model in (Failure, OrmQ, Schedule, Success) if admin.site.is_registered(model)]
)


@admin.register(Success)
class TaskAdmin(ReadOnlyAdmin):
    list_display = ["name", "func", "cluster", "started", "stopped"]
    list_filter = ["func", "cluster"]
    search_fields = ["name", "func", "group"]
    fields = TASK


@admin.register(Failure)
class FailureAdmin(TaskAdmin):
    list_display = ["name", "func", "cluster", "started", "stopped", "reason"]
    actions = ["retry"]

    @admin.display
    def reason(self, task: Failure) -> str:
        return str(task.result or "")[:200]

    def has_delete_permission(self, request: HttpRequest, obj: AdminRow = None) -> bool:
        return request.user.has_perm("django_q.delete_failure")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("django_q.change_failure")

    @admin.action(description="Try the selected tasks again", permissions=["retry"])
    def retry(self, request: HttpRequest, tasks: AdminRow) -> None:
        for task in tasks:
            if not queue.is_task(task.func):
                messages.error(request, f"“{task.func}” is not one of the tasks that may run here.")
                continue
            args, kwargs = task.args or (), task.kwargs or {}
            if not isinstance(args, tuple | list) or not isinstance(kwargs, dict):
                messages.error(request, f"What “{task.name}” was called with cannot be read.")
                continue
            with transaction.atomic():
                task.delete()
                options = {"cluster": task.cluster, "group": task.group}
                again = partial(async_task, task.func, *args, **kwargs | {"q_options": options})
                transaction.on_commit(again)
            messages.success(request, f"“{task.name}” is in the queue again.")


@admin.register(Schedule)
class ScheduleAdmin(ReadOnlyAdmin):
    list_display = ["name", "func", "schedule_type", "minutes", "cluster", "next_run"]


class QueueAdmin(ReadOnlyAdmin):
    """The waiting tasks. A package is read as the queue reads it: as plain data only."""

    list_display = ["id", "key", "task_name", "lock"]
    list_filter = ["key"]
    fields = ["key", "lock", "task_name", "options"]
    readonly_fields = ["task_name", "options"]

    @admin.display(description="task")
    def task_name(self, waiting: OrmQ) -> str:
        return str(self._read_task(waiting).get("func", ""))

    @admin.display
    def options(self, waiting: OrmQ) -> str:
        return ", ".join(f"{name}: {value}" for name, value in self._read_task(waiting).items())

    def _read_task(self, waiting: OrmQ) -> Columns:
        try:
            return queue.read_package(waiting.payload)
        except queue.PackageRefused as refused:
            return {"func": str(refused)}


if django_q.admin.Conf.ORM:
    admin.site.register(OrmQ, QueueAdmin)
admin.site.register([LoginLimit, LoginPlace, Seed], ReadOnlyAdmin)
