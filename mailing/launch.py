"""Launches an e-mail campaign: checks it, makes its deliveries, freezes its content.

Row E9 of the lifecycles lists its parts. `find_problems` is the first, which `EmailLifecycle.list_objections` asks
before the step is taken. `prepare`, run by a task, does the rest: the recipients with their connections
(`mailing.deliveries`), then the content.
"""

import re
from typing import cast

import msgspec
from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext

from campaigns import database_time
from campaigns.annotations import JsonObject
from campaigns.models import Campaign
from campaigns.sentences import mark
from campaigns.stored_sentences import translate_stored
from campaigns.texts import is_blank
from mailing import (
    attribution,
    audience,
    content,
    deliveries,
    endings,
    offers,
    plain_targets,
    renderer,
    variants,
)
from mailing.addresses import normalise_address
from mailing.models import Contact, Content, EmailCampaign, Mode, SplitTest, VariantContent
from mailing.models.audience import STANDARD_FIELDS
from mailing.secrets import SecretUnreadable
from mailing.senders import domains
from mailing.sending import lanes, return_paths
from mailing.variants import Variant, phases

# what `mailing.content.syntax` says of a name that is not known
UNKNOWN_NAME = re.compile(r"no contact has a field (?P<name>.+?)\.(?: Did you mean .*)?$")
SAMPLES = 100  # contacts the content is tried on

Problem = tuple[str, str]


# ── step 1: validation ───────────────────────────────────────────────────────────────────────────────────────────────


def find_problems(campaign: EmailCampaign) -> list[Problem]:
    """Return everything that stands against a launch: (field, sentence) each. Never uses the network."""
    samples, targets = _find_target_problems(campaign)
    own = [
        *_find_missing_fields(campaign),
        *_find_sender_problems(campaign),
        *targets,
        *_find_connection_problems(campaign),
    ]
    if test := variants.find_test(campaign):
        own += variants.find_test_problems(campaign, test)
    said = {field for field, _ in own}  # the content's check speaks of the same fields
    problems = own + [
        (field, sentence)
        for field, sentence in _find_content_problems(campaign, samples)
        if field not in said
    ]
    if not problems and test:
        problems += _find_variant_problems(campaign, test, samples)
    return problems


def _find_target_problems(campaign: EmailCampaign) -> tuple[list[Contact], list[Problem]]:
    targets = list(campaign.targets.select_related("segment")) if campaign.pk else []
    if not any(target.mode == target.Mode.INCLUDE for target in targets):
        return [], [("targets", gettext("Choose at least one list or segment to send to."))]
    try:
        samples = audience.list_sample(audience.read_selection_of(campaign), SAMPLES)
    except audience.SegmentError as error:
        return [], [
            (
                "targets",
                gettext("A segment cannot be used: %(error)s") % {"error": translate_stored(str(error))},
            )
        ]
    if not samples:
        return [], [
            (
                "targets",
                gettext("Nobody is left to send to after the exclusions and the suppressed addresses."),
            )
        ]
    return samples, []


def _find_missing_fields(campaign: EmailCampaign) -> list[Problem]:
    return [
        (field, sentence)
        for field, sentence in (
            ("subject", gettext("The subject is missing.")),
            ("body", gettext("The content is missing.")),
        )
        if is_blank(getattr(campaign, field))
    ]


def _find_content_problems(
    campaign: EmailCampaign, samples: list[Contact], variant: Variant | None = None
) -> list[Problem]:
    if is_blank(campaign.body):
        return []
    offer = offers.write_sample_values(campaign)
    written = build_source(campaign, variant)
    readers = [build_recipient(contact, offer=offer) for contact in samples]
    if not renderer.find_problems(written, readers):
        return []
    # every contact has the standard fields, also when nobody is left to send to; some attributes the samples may lack
    known = [*STANDARD_FIELDS, *audience.list_recent_attribute_names(), *(["offer"] if offer else [])]
    found = renderer.find_problems(written, readers, known)
    unknown = {said["name"] for _, sentence in found if (said := UNKNOWN_NAME.search(sentence))}
    if unknown and (rare := audience.find_attribute_names(unknown)):
        found = renderer.find_problems(written, readers, [*known, *rare])
    return [(field, translate_stored(sentence)) for field, sentence in found]


def _find_variant_problems(campaign: EmailCampaign, test: SplitTest, samples: list[Contact]) -> list[Problem]:
    """Find what is wrong with the contents of all variants but the first; report each fault once."""
    found: dict[str, str] = {}
    for variant in variants.list_variants(campaign, test)[1:]:
        for _, sentence in _find_content_problems(campaign, samples, variant):
            found.setdefault(sentence, variant.letter)
    return [
        ("variants", gettext("Variant %(letter)s: %(sentence)s") % {"letter": letter, "sentence": sentence})
        for sentence, letter in found.items()
    ]


def _find_sender_problems(campaign: EmailCampaign) -> list[Problem]:
    if not campaign.from_email:
        return [("from_email", gettext("The sender address is missing."))]
    reasons = []
    if is_blank(campaign.from_name):
        reasons.append(
            ("from_name", gettext("The sender name is missing: an inbox shows it beside the subject."))
        )
    try:
        sender = _bare_address(campaign.from_email)
    except ValueError as error:
        reasons.append(("from_email", translate_stored(str(error))))
    else:
        reasons += [
            (
                "from_email",
                gettext("“%(smtp)s” takes mail from %(allowed_domains)s only.")
                % {"smtp": smtp, "allowed_domains": ", ".join(smtp.allowed_domains)},
            )
            for smtp, _ in campaign.shares()
            if not smtp.takes_sender(sender)
        ]
        try:
            domains.find_signer(sender)
        except SecretUnreadable as error:
            reasons.append(("from_email", translate_stored(str(error))))
    if campaign.reply_to:
        try:
            _bare_address(campaign.reply_to)
        except ValueError as error:
            reasons.append(("reply_to", translate_stored(str(error))))
    return reasons


def _bare_address(stored: str) -> str:
    """Return the address in its one spelling.

    Raises:
        ValueError: it is no address, or more than one.
    """
    address = normalise_address(stored)
    if address != stored.strip().lower() and stored.isascii():
        raise ValueError(
            gettext("“%(stored)s” holds more than an address: write “%(address)s”.")
            % {"stored": stored, "address": address}
        )
    return address


def _find_connection_problems(campaign: EmailCampaign) -> list[Problem]:
    field = "connection" if campaign.sharing == campaign.Sharing.SINGLE else "routes"
    shares = campaign.shares() if campaign.pk or campaign.connection_id else []
    if not shares:
        return [(field, gettext("Choose an SMTP connection."))]
    reasons = [
        (field, gettext("The connection “%(smtp)s” is switched off.") % {"smtp": smtp})
        for smtp, _ in shares
        if not smtp.is_enabled
    ]
    reasons += [(field, smtp.login_trouble) for smtp, _ in shares if smtp.login_trouble]
    whole = sum(share for _, share in shares)
    if campaign.sharing == campaign.Sharing.PERCENTAGE and whole != 100:
        reasons.append(
            (
                field,
                gettext("The shares of the connections make %(whole)s%%: they must make 100%%.")
                % {"whole": whole},
            )
        )
    elif not whole:
        reasons.append((field, gettext("Give at least one connection a weight above 0.")))
    return reasons


def build_source(campaign: EmailCampaign, variant: Variant | None = None) -> content.Source:
    """Return the campaign's content as its author wrote it, or a variant of its test, with what its headers need."""
    if variant is not None:
        changed = {"subject": variant.subject, "from_name": variant.from_name, "body": variant.body}
        if variant.has_own_body:
            changed["text"] = ""  # the author's belongs to the campaign's own content
        return msgspec.structs.replace(build_source(campaign), **changed)
    domain = campaign.from_email.rpartition("@")[2]
    is_tracked = campaign.mode != Mode.NONE
    return content.Source(
        subject=campaign.subject,
        preheader=campaign.preheader,
        from_name=campaign.from_name,
        from_email=campaign.from_email,
        reply_to=campaign.reply_to,
        body=campaign.body,
        body_format=cast("content.Format", campaign.body_format),  # the same three: EmailCampaign.Format
        text=campaign.text,
        track_opens=campaign.track_opens and is_tracked,
        track_clicks=campaign.track_clicks and is_tracked,
        utm_source=campaign.link_source,
        utm_medium=campaign.utm_medium,
        utm_campaign=campaign.utm_campaign or campaign.name,
        utm_content=campaign.utm_content,
        domain=domain,
        unsubscribe_email=find_unsubscribe_address(domain),
        list_id=f"campaigns.{domain}" if domain else "",
        feedback=(str(campaign.pk), "campaigns", domain, domain) if domain else (),
        locale=campaign.language or settings.DEFAULT_LANGUAGE,
        currency=settings.CURRENCY,
        time_zone=settings.TIME_ZONE,
        offer=offers.read_note(campaign),
    )


def find_unsubscribe_address(domain: str) -> str:
    """Find the address for unsubscribing by mail: that of a bounce mailbox, "" when there is none."""
    return return_paths.find_bounce_address(domain).replace(return_paths.PLACE, "unsubscribe")


def build_reader(campaign: EmailCampaign, contact: Contact) -> content.Recipient:
    """Return what a template may read of this contact in a preview: with a code that only looks like theirs."""
    return build_recipient(contact, offer=offers.write_sample_values(campaign))


def build_recipient(
    contact: Contact, *, message_id: str = "", seed: str | int = "", offer: JsonObject | None = None
) -> content.Recipient:
    """Return what a template may read of this contact; own attributes hide neither a standard one nor the offer."""
    carried = {"offer": offer} if offer else {}
    return content.Recipient(
        email=contact.email,
        attributes=contact.attributes | {name: getattr(contact, name) for name in STANDARD_FIELDS} | carried,
        first_name=contact.first_name,
        last_name=contact.last_name,
        message_id=message_id,
        seed=seed,
    )


# ── steps 2 to 4 ─────────────────────────────────────────────────────────────────────────────────────────────────────


def prepare(campaign_id: int) -> None:
    """Do steps 2 to 4 of the launch: recipients, connections, frozen content. Safe to run twice and at once.

    A campaign whose content does not compile, or whose connections are gone, fails with the reason. A campaign without
    recipients is complete at once.
    """
    problem = ""
    with transaction.atomic():
        if not _is_first(campaign_id):
            return
        campaign = EmailCampaign.objects.get(pk=campaign_id)
        if campaign.status not in (Campaign.Status.RUNNING, Campaign.Status.PAUSED):
            return
        if campaign.prepared_at is None:
            problem = _prepare(campaign)
    if problem:
        endings.fail_campaign(campaign_id, problem)
        return
    endings.complete_campaign(campaign_id)
    lanes.wake_campaign(campaign_id)


def _is_first(campaign_id: int) -> bool:
    """Lock the preparation of this campaign until the transaction ends; return whether no other process has it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtext('mailing.launch.prepare'), %s)", [campaign_id]
        )
        is_alone: bool = cursor.fetchone()[0]
    return is_alone


def _prepare(campaign: EmailCampaign) -> str:
    """Prepare the campaign and return ""; or return why it cannot be sent."""
    shares = campaign.shares()
    if not sum(share for _, share in shares):
        return mark("It has no SMTP connection any more.")
    test = variants.find_test(campaign)
    try:
        compiled, *others = _compile_all(campaign, test)
        chosen = audience.build_judged_query(audience.read_selection_of(campaign), kept="MATERIALIZED")
    except (content.ContentError, audience.SegmentError) as error:
        return translate_stored(str(error))
    Content.objects.create(campaign=campaign, compiled=compiled.dump())
    VariantContent.objects.bulk_create(
        VariantContent(campaign=campaign, variant=number, compiled=other.dump())
        for number, other in enumerate(others, start=1)
    )
    plain_targets.write_targets(campaign.pk, others[-1] if others else compiled)
    made = deliveries.make_deliveries(campaign, chosen, shares, are_held=test is not None)
    # never with save(): it would write the status too, and whatever else has changed since it was read
    EmailCampaign.objects.filter(pk=campaign.pk).update(
        content_hash=compiled.hash,
        attribution=attribution.fix_rule(campaign),
        funnel=msgspec.to_builtins(made.funnel),
        planned=made.planned,
        total=made.funnel.recipients,
        prepared_at=database_time.now(),
    )
    if test:
        phases.begin_test(campaign, test, made.funnel.recipients)
    return ""


def _compile_all(campaign: EmailCampaign, test: SplitTest | None) -> list[content.Compiled]:
    """Compile each variant. An address that several variants link to has the same number in each.

    Raises:
        ContentError: one does not compile.
    """
    made: list[content.Compiled] = []
    for variant in variants.list_variants(campaign, test):
        source = build_source(campaign, variant)
        if made:
            source = msgspec.structs.replace(source, earlier_links=made[-1].links)
        made.append(renderer.compile_content(source))
    return made
