from mailing.models.audience import Contact, ContactList, Membership, Segment, Suppression
from mailing.models.bounces import BounceMailbox, HeldReport
from mailing.models.connection import CampaignPace, Lane, Pace, SmtpConnection
from mailing.models.delivery import Attempt, Delivery, Event, Tally
from mailing.models.email import Content, EmailCampaign, Route, Target
from mailing.models.importing import Upload, VerdictBlock

__all__ = [
    "Attempt",
    "BounceMailbox",
    "CampaignPace",
    "Contact",
    "ContactList",
    "Content",
    "Delivery",
    "EmailCampaign",
    "Event",
    "HeldReport",
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
