"""The rows of mailing: fields, constraints, steps of the lifecycle, and questions about a row of their own."""

from mailing.models.audience import Contact, ContactList, Membership, Segment, Suppression
from mailing.models.bounces import BounceMailbox, HeldReport
from mailing.models.connection import CampaignPace, Lane, Pace, SmtpConnection
from mailing.models.conversion import Conversion, ConversionTally, DepartedBuyer, DueAttribution
from mailing.models.delivery import Attempt, Delivery, Event, Tally
from mailing.models.editing import CampaignVersion, EditorVisit
from mailing.models.email import Content, EmailCampaign, Route, Target
from mailing.models.global_hold_out import GlobalHoldOut, GlobalHoldOutFigures
from mailing.models.importing import Upload, VerdictBlock
from mailing.models.library import Block, MailTemplate, Picture
from mailing.models.oauth import OAuthGrant
from mailing.models.preferences import AddressChange, PreferenceChange
from mailing.models.preflight import Preflight
from mailing.models.report import CountedFigures, KeptFigures, ReportFigures, RevenueFigures
from mailing.models.sender import DkimKey, SenderDomain
from mailing.models.split_test import SplitTest, VariantContent
from mailing.models.tracking import (
    EventCount,
    Mode,
    RecentVisit,
    RetentionCount,
    SpoolFile,
    TrackingConsent,
    TrackingPolicy,
)
from mailing.models.webhooks import ReceivedEvent, Webhook

__all__ = [
    "AddressChange",
    "Attempt",
    "Block",
    "BounceMailbox",
    "CampaignPace",
    "CampaignVersion",
    "Contact",
    "ContactList",
    "Content",
    "Conversion",
    "ConversionTally",
    "CountedFigures",
    "Delivery",
    "DepartedBuyer",
    "DkimKey",
    "DueAttribution",
    "EditorVisit",
    "EmailCampaign",
    "Event",
    "EventCount",
    "GlobalHoldOut",
    "GlobalHoldOutFigures",
    "HeldReport",
    "KeptFigures",
    "Lane",
    "MailTemplate",
    "Membership",
    "Mode",
    "OAuthGrant",
    "Pace",
    "Picture",
    "PreferenceChange",
    "Preflight",
    "ReceivedEvent",
    "RecentVisit",
    "ReportFigures",
    "RetentionCount",
    "RevenueFigures",
    "Route",
    "Segment",
    "SenderDomain",
    "SmtpConnection",
    "SplitTest",
    "SpoolFile",
    "Suppression",
    "Tally",
    "Target",
    "TrackingConsent",
    "TrackingPolicy",
    "Upload",
    "VariantContent",
    "VerdictBlock",
    "Webhook",
]
