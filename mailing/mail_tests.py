"""The results of test mails, in the server's own words, for the page that waits for them."""

from collections.abc import Sequence

import msgspec
from django_q.models import Task

from campaigns.refusals import Refused
from campaigns.sentences import keep_plural, mark
from mailing import content, drafting
from mailing.models import EmailCampaign
from mailing.secrets import SecretUnreadable
from mailing.smtp.client import ConnectFailed


class TestResult(msgspec.Struct, frozen=True):
    """Whether the server took a test mail, and the sentence about it."""

    works: bool
    sentence: str


def send_test_mails(campaign_id: int, addresses: Sequence[str], variant: int = 0) -> TestResult:
    """Send the test mails and return the result."""
    try:
        count = drafting.deliver_test(campaign_id, addresses, variant)
    except (ConnectFailed, Refused, SecretUnreadable, content.ContentError) as error:
        return TestResult(False, str(error))
    return TestResult(
        True,
        keep_plural(
            "The server took it: %(addresses)s.",
            "The server took all %(count)s: %(addresses)s.",
            count,
            addresses=", ".join(addresses),
        ),
    )


def read_result(campaign: EmailCampaign, name: str) -> TestResult | None:
    """Return the result of the task `name`; None while there is none yet."""
    task = Task.objects.filter(name=name, func="mailing.tasks.send_test").first()
    if task is None or not task.args or task.args[0] != campaign.pk:
        return None
    if not task.success:
        return TestResult(
            False, mark("The test mail could not be sent for an unforeseen reason; it is in the log.")
        )
    return TestResult(**task.result)
