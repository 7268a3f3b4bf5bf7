from mailing.models.audience import Contact, ContactList, Membership, Segment, Suppression
from mailing.models.connection import CampaignPace, Lane, Pace, SmtpConnection
from mailing.models.delivery import Attempt, Delivery, Event, Tally
from mailing.models.email import Content, EmailCampaign, Route, Target
from mailing.models.importing import Upload, VerdictBlock

__all__ = [
    "Attempt",
    "CampaignPace",
    "Contact",
    "ContactList",
    "Content",
    "Delivery",
    "EmailCampaign",
    "Event",
    "Lane",
    "Membership",
    "Pace",
    "Route",
    "Segment",
    "SmtpConnection",
    "Suppression",
    "Tally",
    "Target",
    "Upload",
    "VerdictBlock",
]
