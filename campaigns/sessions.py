"""The sessions of signed-in people, as Django stores them. They end by the clock of the database."""

from datetime import datetime

from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession

from campaigns import database_time
from campaigns.annotations import Argument


class SessionStore(db.SessionStore):
    """Django's own, but a machine whose clock is wrong signs nobody out, and keeps nobody signed in."""

    def _get_session_from_db(self) -> AbstractBaseSession | None:
        rows = self.model.objects.filter(expire_date__gt=database_time.now())
        found: AbstractBaseSession | None = rows.filter(session_key=self.session_key).first()
        if found is None:
            self._session_key = None
        return found

    def get_expiry_date(self, **kwargs: Argument) -> Argument:
        return super().get_expiry_date(**{"modification": database_time.now(), **kwargs})


def delete_ended_sessions(now: datetime) -> None:
    """Delete the sessions that are over. The clock calls it."""
    SessionStore.get_model_class().objects.filter(expire_date__lt=now).delete()
