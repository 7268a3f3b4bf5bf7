"""Publishing: every change of what applies at the till passes here, under the exclusive rules lock.

Sales take the same advisory lock shared, so that a change is linearizable: when it has answered, no sale that starts
afterwards sees the rules before it. Each function below is one transaction, writes who changed what, and raises
campaigns.refusals.Refused with (field, sentence) reasons when it cannot be done.
"""

from campaigns.editions import Overtaken
from promotions.publish.campaigns import create_campaign, edit_campaign, link, order, unlink
from promotions.publish.limits import campaign_changed, promotion_changed
from promotions.publish.overtaken import last_edit
from promotions.publish.promotions import delete_promotion, save_promotion, switch
from promotions.publish.version import bump, lock, lock_shared

__all__ = [
    "Overtaken",
    "bump",
    "campaign_changed",
    "create_campaign",
    "delete_promotion",
    "edit_campaign",
    "last_edit",
    "link",
    "lock",
    "lock_shared",
    "order",
    "promotion_changed",
    "save_promotion",
    "switch",
    "unlink",
]
