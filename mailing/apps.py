from django.apps import AppConfig
from django.db.models.signals import post_migrate


class MailingConfig(AppConfig):
    name = "mailing"

    def ready(self) -> None:
        from campaigns import lifecycle
        from mailing.library import seeds
        from mailing.models import EmailCampaign

        lifecycle.register(EmailCampaign, "mailing.lifecycle.EmailLifecycle")
        post_migrate.connect(seeds.make_ready_content, sender=self, dispatch_uid="mailing.library.seeds")
