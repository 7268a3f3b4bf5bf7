from django.apps import AppConfig


class MailingConfig(AppConfig):
    name = "mailing"

    def ready(self) -> None:
        from campaigns import lifecycle
        from campaigns.workspace import search
        from mailing import searching
        from mailing.lifecycle import EmailLifecycle
        from mailing.models import EmailCampaign

        lifecycle.register(EmailCampaign, EmailLifecycle())
        search.add_source(search.Source("Contacts", "mailing.view_contact", searching.find_contacts, 4))
        search.add_source(search.Source("Lists", "mailing.view_contactlist", searching.find_lists, 5))
        search.add_source(search.Source("Segments", "mailing.view_segment", searching.find_segments, 6))
