from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self) -> None:
        from django_q.signals import pre_enqueue

        from campaigns import choice_labels, clock, derived_names, queue, roles, typed_numbers

        derived_names.make_translatable()
        choice_labels.make_cheap()
        typed_numbers.refuse_decimals_of_whole_numbers()
        queue.guard_stored_pickles()
        queue.schedule_by_database_time()
        pre_enqueue.connect(queue.never_run_in_place, dispatch_uid="campaigns.queue")
        post_migrate.connect(roles.grant, dispatch_uid="campaigns.roles")
        post_migrate.connect(clock.schedule_fallback_beat, dispatch_uid="campaigns.clock")
