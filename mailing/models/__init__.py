from mailing.models.audience import Contact, ContactList, Membership, Segment, Suppression
from mailing.models.connection import SmtpConnection
from mailing.models.delivery import Attempt, Delivery
from mailing.models.email import EmailCampaign, Target

__all__ = [
    "Attempt",
    "Contact",
    "ContactList",
    "Delivery",
    "EmailCampaign",
    "Membership",
    "Segment",
    "SmtpConnection",
    "Suppression",
    "Target",
]
