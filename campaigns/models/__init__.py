from campaigns.models.campaign import Campaign, by_system, may_operate
from campaigns.models.edit import Edit
from campaigns.models.heartbeat import Heartbeat
from campaigns.models.history import Transition
from campaigns.models.installation import LoginLimit, LoginPlace, Seed
from campaigns.models.person import UserSettings
from campaigns.models.workspace import CalendarFeed, SavedView, Tag

__all__ = [
    "CalendarFeed",
    "Campaign",
    "Edit",
    "Heartbeat",
    "LoginLimit",
    "LoginPlace",
    "SavedView",
    "Seed",
    "Tag",
    "Transition",
    "UserSettings",
    "by_system",
    "may_operate",
]
