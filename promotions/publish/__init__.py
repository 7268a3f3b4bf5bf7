"""Publishing: every change of what applies at the till passes here, under the exclusive rules lock.

Sales take the same advisory lock shared, so that a change is linearizable: when it has answered, no sale that starts
afterwards sees the rules before it. `campaigns` changes campaigns, `promotions` promotions, `version` holds the lock
and the number of the rules, `edit_conflicts` refuses a change of what somebody else has changed meanwhile.

Each function below is one transaction, writes who changed what, and raises
campaigns.refusals.Refused with (field, sentence) reasons when it cannot be done.
"""

from campaigns.editions import EditConflict
from promotions.publish.campaigns import (
    create_campaign,
    edit_campaign,
    link,
    order_promotions,
    publish_campaign,
    unlink,
)
from promotions.publish.edit_conflicts import last_edit
from promotions.publish.promotions import (
    create_promotion_in,
    delete_promotion,
    publish_promotion,
    save_promotion,
    switch_promotion,
)
from promotions.publish.version import bump_version, lock_rules, lock_rules_shared

__all__ = [
    "EditConflict",
    "bump_version",
    "create_campaign",
    "create_promotion_in",
    "delete_promotion",
    "edit_campaign",
    "last_edit",
    "link",
    "lock_rules",
    "lock_rules_shared",
    "order_promotions",
    "publish_campaign",
    "publish_promotion",
    "save_promotion",
    "switch_promotion",
    "unlink",
]
