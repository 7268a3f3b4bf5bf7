"""Who has the editor of a campaign open: each editor says so every few seconds, and is forgotten when it stops."""

from datetime import timedelta

from django.contrib.auth.models import User

from campaigns import database_time
from mailing.models import EditorVisit, EmailCampaign

FORGOTTEN_AFTER = timedelta(seconds=45)


def note_visit(campaign: EmailCampaign, user: User) -> list[User]:
    """Note that somebody has the editor of a campaign open; list the others who have, by name."""
    now = database_time.now()
    EditorVisit.objects.filter(campaign=campaign, seen_at__lte=now - FORGOTTEN_AFTER).delete()
    EditorVisit.objects.update_or_create(campaign=campaign, user=user, defaults={"seen_at": now})
    others = EditorVisit.objects.filter(campaign=campaign).exclude(user=user)
    return [visit.user for visit in others.select_related("user").order_by("user__first_name", "user_id")]
