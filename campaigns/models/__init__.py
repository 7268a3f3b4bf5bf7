from campaigns.models.campaign import Campaign, by_system, operators
from campaigns.models.edit import Edit
from campaigns.models.heartbeat import Heartbeat
from campaigns.models.history import Transition

__all__ = ["Campaign", "Edit", "Heartbeat", "Transition", "by_system", "operators"]
