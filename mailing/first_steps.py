"""The first steps towards a mail, as the dashboard of a new installation shows them."""

from collections.abc import Iterator

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext as _

from campaigns.workspace.first_steps import FirstStep
from mailing.models import Contact, EmailCampaign, SmtpConnection


def list_mail_steps(user: User) -> Iterator[FirstStep]:
    """Yield what comes before the first mail to customers."""
    yield FirstStep(
        _("Connect a mail server"),
        _("It takes your mails and delivers them. Test the connection before you rely on it."),
        SmtpConnection.objects.filter(is_enabled=True).exists(),
        reverse("mailing:connections") if user.has_perm("mailing.add_smtpconnection") else "",
    )
    yield FirstStep(
        _("Import your contacts"),
        _("From a CSV or Excel file. You see what becomes of it before anything is written."),
        Contact.objects.exists(),
        reverse("mailing:contact_import") if user.has_perm("mailing.add_contact") else "",
    )
    yield FirstStep(
        _("Write an e-mail campaign"),
        _("Begin with a template or your own text, and look at it as your customers will."),
        EmailCampaign.objects.exists(),
        reverse("mailing:campaign_new") if user.has_perm("mailing.add_emailcampaign") else "",
    )
    draft = EmailCampaign.objects.filter(status="draft").order_by("-pk").first()
    yield FirstStep(
        _("Launch it"),
        _("The page of the campaign says what is missing, and how many people will get it."),
        EmailCampaign.objects.filter(launched_at__isnull=False).exists(),
        draft.get_absolute_url() if draft and user.has_perm("mailing.change_emailcampaign") else "",
    )
