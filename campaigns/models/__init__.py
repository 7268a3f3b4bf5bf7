from campaigns.models.campaign import Campaign, by_system, operators
from campaigns.models.heartbeat import Heartbeat
from campaigns.models.history import Transition

__all__ = ["Campaign", "Heartbeat", "Transition", "by_system", "operators"]
