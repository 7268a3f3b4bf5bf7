from django.apps import AppConfig


class MailingConfig(AppConfig):
    name = "mailing"

    def ready(self) -> None:
        from campaigns import lifecycle
        from mailing.models import EmailCampaign

        lifecycle.register(EmailCampaign, "mailing.lifecycle.EmailLifecycle")
