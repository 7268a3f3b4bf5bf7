from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self):
        from campaigns import clock, roles

        post_migrate.connect(roles.grant, dispatch_uid="campaigns.roles")
        post_migrate.connect(clock.net, dispatch_uid="campaigns.clock")
