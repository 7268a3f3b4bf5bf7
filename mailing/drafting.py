"""Saves drafts, sends test mails, and makes second tries and copies for recipients that were not reached."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial

import msgspec
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django_q.tasks import async_task

from campaigns import database_time, editions, lifecycle, refusals
from campaigns.annotations import Columns
from campaigns.formats import in_sentence
from campaigns.models import Campaign
from campaigns.refusals import Refused
from campaigns.sentences import keep
from mailing import audience, campaign_facts, content, launch, offers, renderer, variants, versions
from mailing.addresses import normalise_address
from mailing.models import (
    CampaignVersion,
    Contact,
    ContactList,
    Delivery,
    EmailCampaign,
    Route,
    SplitTest,
    Target,
)
from mailing.senders import domains
from mailing.sending import lanes, tokens
from mailing.sending.direct import send_directly
from mailing.sending.servers import server_of
from mailing.smtp.client import Outcome

TEST_ADDRESSES = 10
ADDRESSES = ("from_email", "reply_to")


# ── saving ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def save_campaign(
    campaign: EmailCampaign | None,
    *,
    by: User | None = None,
    changes: Columns,
    targets: Iterable[Target] | None = None,
    routes: Sequence[tuple[int, int]] | None = None,
    split_tests: Sequence[SplitTest] | None = None,
    seen: str | None = None,
    is_automatic: bool = False,
    restored_from: datetime | None = None,
) -> EmailCampaign:
    """Save a new or changed campaign with what belongs to it; a scheduled one goes back to draft first.

    Args:
        changes: columns of the campaign by name, those of its author only.
        targets: the lists and segments to include and exclude, unsaved rows; None leaves them as they are.
        routes: (key of the connection, share) in their order; None leaves them as they are.
        split_tests: its A/B test, an unsaved row, or nothing; None leaves it as it is.
        seen: the edition that the form showed; None overwrites any.
        is_automatic: it is saved while somebody types: a scheduled campaign is refused, and what changes nothing is
            not written.
        restored_from: the time of the version that it brings back.

    Raises:
        Locked: its state allows no change.
        EditConflict: it was changed since.
        Refused: `by` may not.
    """
    records = EmailCampaign.RECORDS & changes.keys()
    if records:
        raise ValueError(
            _("%(records)s cannot be edited: they are the system's.")
            % {"records": ", ".join(sorted(records))}
        )
    with transaction.atomic():
        if campaign is None or campaign.pk is None:
            refusals.require(by, "mailing.add_emailcampaign", _("add e-mail campaigns"))
            campaign, before, kept = EmailCampaign(created_by=by), None, None
        else:
            if is_automatic:
                _refuse_scheduled(lifecycle.lock_row(campaign))
            campaign = lifecycle.open_for_edit(campaign, by=by)
            before, kept = (
                campaign_facts.describe_campaign(campaign),
                versions.prepare_first_version(campaign),
            )
            editions.refuse_edit_conflict(campaign, before, seen)
        for name, value in changes.items():
            setattr(campaign, name, _clean_address(value) if name in ADDRESSES else value)
        campaign.save()
        if targets is not None:
            _replace_targets(campaign, targets)
        if routes is not None:
            _replace_routes(campaign, routes)
        if split_tests is not None:
            SplitTest.objects.filter(campaign=campaign).delete()
            for test in split_tests:
                test.campaign = campaign
                test.save(force_insert=True)
        after = campaign_facts.describe_campaign(campaign)
        if is_automatic and after == before:
            transaction.set_rollback(True)
            return campaign
        if before is not None:  # its history says already who made it
            editions.record_edit(campaign, before, after, by=by, folds=is_automatic)
        versions.keep_version(
            campaign, by=by, before=kept, is_automatic=is_automatic, restored_from=restored_from
        )
    return campaign


def restore_version(version: CampaignVersion, *, by: User | None, seen: str | None) -> EmailCampaign:
    """Save a version of a campaign as what it is now; what it was until now is a version, too.

    Raises:
        Locked, EditConflict, Refused: as `save_campaign`.
    """
    kept = versions.read_version(version)
    return save_campaign(
        version.campaign,
        by=by,
        changes=kept.changes,
        targets=kept.targets,
        routes=kept.routes,
        split_tests=kept.split_tests,
        seen=seen,
        restored_from=version.saved_at,
    )


def _refuse_scheduled(campaign: EmailCampaign) -> None:
    if campaign.status == Campaign.Status.SCHEDULED:
        raise Refused(
            _(
                "“%(campaign)s” is scheduled: what you type is saved only when you press Save, which puts it back to "
                "draft."
            )
            % {"campaign": campaign}
        )


def _clean_address(value: str) -> str:
    """Return the address in its one spelling; a draft keeps a wrong one as it was typed, and the launch names it."""
    try:
        return normalise_address(value) if value else ""
    except ValueError:
        return value


def _replace_targets(campaign: EmailCampaign, targets: Iterable[Target]) -> None:
    campaign.targets.all().delete()
    Target.objects.bulk_create(
        Target(campaign=campaign, mode=target.mode, list_id=target.list_id, segment_id=target.segment_id)
        for target in targets
    )


def _replace_routes(campaign: EmailCampaign, routes: Sequence[tuple[int, int]]) -> None:
    campaign.routes.all().delete()
    Route.objects.bulk_create(
        Route(campaign=campaign, connection_id=pk, share=share, position=position)
        for position, (pk, share) in enumerate(routes)
    )


# ── test mails ───────────────────────────────────────────────────────────────────────────────────────────────────────


def send_test(
    campaign: EmailCampaign, addresses: Sequence[str], *, by: User | None = None, variant: int = 0
) -> str:
    """Queue the mail as it is now to a few addresses: marked [TEST], not tracked, sent to suppressed addresses too.

    Returns the name of its task, by which `mail_tests.read_result` tells how it went.

    Args:
        variant: its number, where the campaign has an A/B test.

    Raises:
        Refused: it is no draft, an address is wrong, its content does not compile, or it has no connection.
    """
    refusals.require(by, "mailing.change_emailcampaign", _("send test mails"))
    if campaign.status != Campaign.Status.DRAFT:
        raise Refused(
            _("“%(campaign)s” is %(status)s: test mails are sent while it is a draft.")
            % {"campaign": campaign, "status": in_sentence(campaign.get_status_display())}
        )
    if not 0 < len(addresses) <= TEST_ADDRESSES:
        raise Refused(_("Enter 1 to %(test_addresses)s addresses.") % {"test_addresses": TEST_ADDRESSES})
    if not campaign.from_email:
        raise Refused([("from_email", _("The sender address is missing."))])
    try:
        recipients = [normalise_address(address) for address in addresses]
        renderer.compile_content(content.mark_as_test(_build_source(campaign, variant)))
    except content.ContentError as error:
        raise Refused(
            [(error.field, _("The test mail cannot be made. %(error)s") % {"error": error})]
        ) from error
    except ValueError as error:
        raise Refused(_("The test mail cannot be made. %(error)s") % {"error": error}) from error
    if not campaign.shares():
        raise Refused([("connection", _("Choose an SMTP connection."))])
    name = f"test-mail-{uuid.uuid4().hex}"
    arguments = {"cluster": "mail", "task_name": name}
    transaction.on_commit(
        partial(async_task, "mailing.tasks.send_test", campaign.pk, recipients, variant, **arguments)
    )
    return name


def _build_source(campaign: EmailCampaign, variant: int) -> content.Source:
    """Build the source of a variant, or of the campaign itself when it has no such variant any more."""
    every = variants.list_variants(campaign, variants.find_test(campaign))
    return launch.build_source(campaign, every[variant] if 0 < variant < len(every) else None)


def deliver_test(campaign_id: int, addresses: Sequence[str], variant: int = 0) -> int:
    """Send the test mails and return how many the server took.

    Raises:
        ConnectFailed: the server cannot be used.
        Refused: the server did not take one of them.
    """
    campaign = EmailCampaign.objects.get(pk=campaign_id)
    reader = sample_reader(campaign)
    links = content.Links(
        settings.PUBLIC_URL, tokens.sign_token(tokens.TEST_DELIVERY_ID, tokens.Purpose.UNSUBSCRIBE)
    )
    smtp = campaign.shares()[0][0]
    recipients = []
    for address in addresses:
        contact = Contact.objects.filter(email=address).first() or reader
        recipient = launch.build_recipient(
            contact,
            message_id=f"test-{database_time.now():%Y%m%d%H%M%S%f}",
            seed=0,
            offer=offers.write_sample_values(campaign),
        )
        # to the tester, however the contact is called whose values it shows
        recipients.append(msgspec.structs.replace(recipient, email=address))
    mails = [
        domains.sign_message(campaign.from_email, mail)
        for mail in renderer.make_messages(
            content.mark_as_test(_build_source(campaign, variant)), recipients, links
        )
    ]
    results = send_directly(
        server_of(smtp), campaign.from_email, list(zip(addresses, mails, strict=True)), ready=True
    )
    refused = [
        f"{address}: {result.reply or result.sentence}"
        for address, result in zip(addresses, results, strict=True)
        if result.outcome is not Outcome.ACCEPTED
    ]
    if refused:
        raise Refused(keep("The test mail was not taken for %(refused)s", refused="; ".join(refused)))
    return len(mails)


def sample_reader(campaign: EmailCampaign) -> Contact:
    """Return one of the recipients to take values from, or an invented one."""
    try:
        found = audience.list_sample(audience.read_selection_of(campaign), 1)
    except audience.SegmentError:
        found = []
    return found[0] if found else Contact(email="someone@example.com", first_name="Sam", last_name="Sample")


# ── second chances ───────────────────────────────────────────────────────────────────────────────────────────────────


def retry_failed(campaign: EmailCampaign, *, by: User | None = None) -> int:
    """Make the failed deliveries of a running or paused campaign pending again; return how many.

    Raises:
        Refused: it is not open now, or not to `by`.
    """
    return _put_back(
        campaign, Delivery.objects.filter(status=Delivery.Status.FAILED), by, _("retry failed mails")
    )


def resend_uncertain(
    campaign: EmailCampaign, keys: Sequence[int] | None = None, *, by: User | None = None
) -> int:
    """Make uncertain deliveries pending again, all or those with these keys; return how many.

    Some recipients may get the mail twice.

    Raises:
        Refused: the campaign is neither running nor paused, or it is not open to `by`.
    """
    chosen = Delivery.objects.filter(status=Delivery.Status.UNCERTAIN)
    if keys is not None:
        chosen = chosen.filter(pk__in=keys)
    return _put_back(campaign, chosen, by, _("resend uncertain mails"))


def _put_back(campaign: EmailCampaign, chosen: QuerySet[Delivery], by: User | None, said: str) -> int:
    with transaction.atomic():
        campaign = lifecycle.lock_row(lifecycle.load_own_kind(campaign))
        refusals.require(by, campaign.OPERATE, _("%(said)s of campaigns") % {"said": said})
        if campaign.status not in (Campaign.Status.RUNNING, Campaign.Status.PAUSED):
            raise Refused(
                _(
                    "“%(campaign)s” is %(status)s: it cannot %(said)s. Duplicate it for those it did not "
                    "reach."
                )
                % {"campaign": campaign, "status": in_sentence(campaign.get_status_display()), "said": said}
            )
        count = chosen.filter(campaign=campaign).update(
            status=Delivery.Status.PENDING, due_at=database_time.now(), attempts=0
        )
        if campaign.status == Campaign.Status.RUNNING and count:
            transaction.on_commit(partial(lanes.wake_campaign, campaign.pk))
    return count


# bounced addresses, and those skipped for their suppression, are not reached by another mail either
UNREACHED = """
SELECT contact_id FROM mailing_delivery
WHERE campaign_id = %(campaign)s AND contact_id IS NOT NULL AND status = ANY(%(statuses)s)
  AND reason NOT IN ('suppressed', 'unsubscribed')
"""


def duplicate_for_unreached(
    campaign: EmailCampaign, *, with_uncertain: bool = False, by: User | None = None
) -> EmailCampaign:
    """Return a fresh draft of a final campaign for those it did not reach: a list of its own holds them.

    Bounced addresses and those skipped for their suppression are not among them; uncertain ones when asked for.

    Raises:
        Refused: it is not final, or `by` may not add campaigns.
    """
    if not campaign.is_final:
        raise Refused(
            _("“%(campaign)s” is %(status)s: only a campaign that has ended can be sent to the others.")
            % {"campaign": campaign, "status": in_sentence(campaign.get_status_display())}
        )
    statuses = [*Delivery.UNFINISHED, Delivery.Status.FAILED, Delivery.Status.SKIPPED]
    if with_uncertain:
        statuses.append(Delivery.Status.UNCERTAIN)
    return draft_for_list(
        campaign,
        keep("Not reached by %(name)s", name=campaign.name[:150]),
        keep("Recipients of “%(campaign)s” that it did not reach.", campaign=campaign),
        UNREACHED,
        {"campaign": campaign.pk, "statuses": [str(status) for status in statuses]},
        by=by,
    )


def draft_for_list(
    campaign: EmailCampaign,
    name: str,
    description: str,
    members: str,
    params: Columns,
    *,
    by: User | None = None,
) -> EmailCampaign:
    """Return a fresh draft of a campaign whose only target is a new list.

    Args:
        name: of the list; the keys of both campaigns are added, so that it is the only one of this name.
        members, params: a SELECT of the keys of contacts, in `contact_id`, and its parameters.

    Raises:
        Refused: `by` may not add campaigns.
    """
    with transaction.atomic():
        copy = lifecycle.duplicate(campaign, by=by)
        target = ContactList.objects.create(name=f"{name} ({campaign.pk}/{copy.pk})", description=description)
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO mailing_membership (list_id, contact_id, joined_at)"
                f" SELECT %(list)s, contact_id, now() FROM ({members}) AS members",
                params | {"list": target.pk},
            )
        _replace_targets(copy, [Target(mode=Target.Mode.INCLUDE, list=target)])
    return copy
