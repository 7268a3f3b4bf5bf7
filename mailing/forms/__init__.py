"""What people type on the pages of e-mail campaigns: the shape is checked here, the state by the domain functions."""

from mailing.forms.audience import (
    ContactFilterForm,
    ListForm,
    SuppressionFilterForm,
    SuppressionForm,
)
from mailing.forms.campaign import EmailCampaignForm, PreviewForm, TestMailForm
from mailing.forms.connection import ConnectionForm, ConnectionTestForm
from mailing.forms.contact import ContactForm
from mailing.forms.held import HeldReportForm
from mailing.forms.importing import ColumnsForm, EncodingForm, SuppressionImportForm, UploadForm
from mailing.forms.segment import SegmentForm
from mailing.forms.sender import SenderDomainForm
from mailing.forms.tracking import TrackingPolicyForm

__all__ = [
    "ColumnsForm",
    "ConnectionForm",
    "ConnectionTestForm",
    "ContactFilterForm",
    "ContactForm",
    "EmailCampaignForm",
    "EncodingForm",
    "HeldReportForm",
    "ListForm",
    "PreviewForm",
    "SegmentForm",
    "SenderDomainForm",
    "SuppressionFilterForm",
    "SuppressionForm",
    "SuppressionImportForm",
    "TestMailForm",
    "TrackingPolicyForm",
    "UploadForm",
]
