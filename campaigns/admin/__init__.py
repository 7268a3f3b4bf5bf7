"""Django admin of this app, and the kinds of admin page that all apps share."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from campaigns.admin.bases import (
    JSON_FIELDS,
    GuardedAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    RefusingAdmin,
    StorableJsonField,
    copy_state,
    money_column,
    read_changed_fields,
)
from campaigns.admin.campaigns import CampaignAdmin, HistoryInline
from campaigns.admin.people import GroupAdmin, UserAdmin
from campaigns.admin.queue import FailureAdmin, QueueAdmin

__all__ = [
    "JSON_FIELDS",
    "CampaignAdmin",
    "FailureAdmin",
    "GroupAdmin",
    "GuardedAdmin",
    "HistoryInline",
    "QueueAdmin",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "RefusingAdmin",
    "StorableJsonField",
    "UserAdmin",
    "copy_state",
    "money_column",
    "read_changed_fields",
]

admin.site.site_header = gettext_lazy("Fanfare administration")
admin.site.site_title = "Fanfare"
admin.site.index_title = gettext_lazy("All that is stored")
