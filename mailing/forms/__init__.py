"""Forms of the pages of e-mail. They check the shape of what is typed; the domain functions check the state."""

from mailing.forms.audience import (
    ContactFilterForm,
    ListForm,
    SuppressionFilterForm,
    SuppressionForm,
)
from mailing.forms.bounces import BounceMailboxForm
from mailing.forms.campaign import EmailCampaignForm, PreviewForm, TestMailForm
from mailing.forms.connection import ConnectionForm, ConnectionTestForm
from mailing.forms.contact import ContactForm
from mailing.forms.held_reports import HeldReportForm
from mailing.forms.importing import ColumnsForm, EncodingForm, SuppressionImportForm, UploadForm
from mailing.forms.oauth import OAuthForm
from mailing.forms.segment import SegmentForm
from mailing.forms.sender import SenderDomainForm
from mailing.forms.split_test import SplitTestForm
from mailing.forms.tracking import TrackingPolicyForm
from mailing.forms.webhook import WebhookForm

__all__ = [
    "BounceMailboxForm",
    "ColumnsForm",
    "ConnectionForm",
    "ConnectionTestForm",
    "ContactFilterForm",
    "ContactForm",
    "EmailCampaignForm",
    "EncodingForm",
    "HeldReportForm",
    "ListForm",
    "OAuthForm",
    "PreviewForm",
    "SegmentForm",
    "SenderDomainForm",
    "SplitTestForm",
    "SuppressionFilterForm",
    "SuppressionForm",
    "SuppressionImportForm",
    "TestMailForm",
    "TrackingPolicyForm",
    "UploadForm",
    "WebhookForm",
]
