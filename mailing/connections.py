"""SMTP connections as an administrator sees them: whether one works, and if not, what to do."""

import msgspec
from django.db.models import Q
from django.utils.translation import gettext

from campaigns.refusals import Refused
from campaigns.sentences import keep, mark
from mailing.addresses import normalise_address
from mailing.models import EmailCampaign, SmtpConnection
from mailing.secrets import SecretUnreadable
from mailing.senders import domains
from mailing.sending import breaker
from mailing.sending.direct import run_conversation, send_directly, write_plain_mail
from mailing.sending.servers import server_of
from mailing.smtp import client
from mailing.smtp.client import Cause, ConnectFailed, Outcome, Result, Server, Timeouts
from mailing.smtp.phrases import Meaning, find_meaning
from mailing.smtp.replies import Stage
from mailing.smtp.verdicts import Kind

CAMPAIGNS_NAMED = 3  # in a refusal
NAME_OF_MEANING = {  # other reasons to refuse a test mail, and what to do
    Meaning.GREYLISTED: (
        mark("put off by greylisting"),
        mark(
            "the login and the sender work; the server lets a sender it does not know wait at first. Test again in "
            "some minutes; campaigns try again by themselves."
        ),
    ),
    Meaning.RELAY: (
        mark("relaying refused"),
        mark(
            "the server passes on no mail for us. Set a user name and password, or have this machine allowed to send."
        ),
    ),
    Meaning.LISTED: (
        mark("our server is refused"),
        mark(
            "the address of this machine, or of the server, is refused. Ask its operator, or the list that is named."
        ),
    ),
}
TEST_TIMEOUTS = Timeouts(
    connect=8, greeting=10, ehlo=8, starttls=8, auth=10, mail=10, rcpt=10, data=10, dot=20, quit=2, total=20
)


class ConnectionTest(msgspec.Struct, frozen=True):
    """The result of a test. `name`: of the failure, "" when it works; `sentence`: what to do about it."""

    works: bool
    name: str
    sentence: str


def find_usual_connection() -> SmtpConnection | None:
    """Return the connection that a new mail begins with: the only one switched on, else that of the newest mail.

    None where there is none, or where that of the newest mail is switched off.
    """
    enabled = SmtpConnection.objects.filter(is_enabled=True)
    first_two = list(enabled[:2])
    if len(first_two) < 2:
        return first_two[0] if first_two else None
    newest = EmailCampaign.objects.filter(connection__isnull=False).order_by("-pk").values("connection")[:1]
    return enabled.filter(pk__in=newest).first()


def delete_connection(smtp: SmtpConnection) -> None:
    """Delete a connection that no campaign has used or will use.

    Raises:
        Refused: a campaign has used it or will.
    """
    named = Q(connection=smtp) | Q(routes__connection=smtp) | Q(planned__has_key=str(smtp.pk))
    campaigns = list(EmailCampaign.objects.filter(named).distinct().order_by("-pk")[: CAMPAIGNS_NAMED + 1])
    if campaigns:
        some = ", ".join(f"“{campaign}”" for campaign in campaigns[:CAMPAIGNS_NAMED])
        more = mark(" and others") if len(campaigns) > CAMPAIGNS_NAMED else ""
        raise Refused(
            keep(
                "“%(smtp)s” cannot be deleted: %(some)s%(more)s used it or will. Switch it off instead.",
                smtp=smtp,
                some=some,
                more=more,
            )
        )
    smtp.delete()


def check_connection(smtp: SmtpConnection, to: str) -> ConnectionTest:
    """Connect, log in and send one mail to `to`. Each failure has a name and says what to do."""
    try:
        recipient = normalise_address(to)
    except ValueError as error:
        return ConnectionTest(False, mark("no address"), str(error))
    sender = smtp.from_email or f"test@{smtp.host}"
    try:
        text = gettext("This mail went through %(host)s, port %(port)s.") % {
            "host": smtp.host,
            "port": smtp.port,
        }
        subject = gettext("[TEST] This connection works")
        mail = write_plain_mail(sender, recipient, subject, f"{text}\n", name=smtp.from_name)
        signed = domains.sign_message(sender, mail)
        [result] = send_directly(server_of(smtp, TEST_TIMEOUTS), sender, [(recipient, signed)])
    except SecretUnreadable as error:
        return ConnectionTest(False, mark("key unreadable"), str(error))
    except ConnectFailed as error:
        return ConnectionTest(False, str(error.cause), error.sentence)
    verdict = _judge(result, smtp, sender, recipient)
    if verdict.works:
        breaker.note_success(smtp.pk)
    return verdict


def reach_connection(smtp: SmtpConnection) -> ConnectionTest:
    """Connect and log in, and send nothing. Each failure has a name and says what to do."""
    try:
        server = server_of(smtp, TEST_TIMEOUTS)
        run_conversation(server, lambda: _log_in(server))
    except ConnectFailed as error:
        return ConnectionTest(False, str(error.cause), error.sentence)
    return ConnectionTest(
        True,
        "",
        keep("%(host)s answers and takes the login.", host=smtp.host)
        if smtp.username
        else keep("%(host)s answers.", host=smtp.host),
    )


async def _log_in(server: Server) -> None:
    link = await client.connect(server)
    await link.quit()


def _judge(result: Result, smtp: SmtpConnection, sender: str, recipient: str) -> ConnectionTest:
    said = f"“{result.reply}”" if result.reply else result.sentence
    if result.outcome is Outcome.ACCEPTED:
        return ConnectionTest(
            True,
            "",
            keep(
                "The server took a mail from %(sender)s to %(recipient)s: %(said)s.",
                sender=sender,
                recipient=recipient,
                said=said,
            ),
        )
    if result.uncertain:
        return ConnectionTest(
            False,
            str(Cause.TIMED_OUT),
            mark("The mail was handed over, but no answer came. See if it arrives."),
        )
    meaning = find_meaning(f"{result.reply.enhanced} {result.reply.text}") if result.reply else None
    cause = client.name_cause(result.stage, result.reply) if result.reply else None
    if cause or (
        result.stage is Stage.MAIL and result.verdict is not None and result.verdict.kind is Kind.CONNECTION
    ):
        cause = cause or Cause.SENDER
        return ConnectionTest(False, str(cause), f"{said}: {client.ADVICE[cause]}")
    if result.verdict is None and (step := client.name_step(result.stage)):
        said = keep("%(said)s. This happened %(step)s.", said=said.rstrip("."), step=step)
    if result.verdict is None:
        return ConnectionTest(False, str(Cause.TIMED_OUT), f"{said} {client.ADVICE[Cause.TIMED_OUT]}")
    if meaning in NAME_OF_MEANING:
        name, advice = NAME_OF_MEANING[meaning]
        return ConnectionTest(False, name, f"{said}: {advice}")
    if result.verdict.kind is Kind.THROTTLE:
        return ConnectionTest(False, str(Cause.THROTTLED), f"{said}: {client.ADVICE[Cause.THROTTLED]}")
    if result.verdict.kind in (Kind.HARD, Kind.SOFT):
        return ConnectionTest(
            False,
            mark("recipient not accepted"),
            keep(
                "%(said)s: the login works, but %(recipient)s was refused. Try another address.",
                said=said,
                recipient=recipient,
            ),
        )
    return ConnectionTest(
        False,
        mark("message refused"),
        keep("%(said)s: the login works, but the server does not take our mail.", said=said),
    )
