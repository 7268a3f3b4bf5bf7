"""Why contacts get a campaign, or do not: in sentences, for pages."""

from collections.abc import Iterator, Sequence

from django.utils.translation import gettext as _

from campaigns import database_time, dates
from campaigns.formats import in_sentence
from mailing import audience, global_hold_out
from mailing.models import Contact, EmailCampaign, GlobalHoldOut, Membership, Suppression, Target


def explain_stage(campaign: EmailCampaign, stage: str, contacts: Sequence[Contact]) -> dict[int, list[str]]:
    """Return why each of these contacts is in a stage of the funnel now, by the contact's key.

    The reasons are the lists and segments that name or exclude them, or why their address is suppressed.

    Raises:
        SegmentError: a segment cannot be used.
    """
    found: dict[int, list[str]] = {contact.pk: [] for contact in contacts}
    if stage == "suppressed":
        pks = {contact.email: contact.pk for contact in contacts}
        for suppression in Suppression.objects.filter(email__in=pks):
            said = _("%(get_reason_display)s, since %(created_at)s") % {
                "get_reason_display": suppression.get_reason_display(),
                "created_at": dates.write_day_of(suppression.created_at),
            }
            found[pks[suppression.email]].append(said)
        return found
    mode = Target.Mode.EXCLUDE if stage == "excluded" else Target.Mode.INCLUDE
    for target in campaign.targets.filter(mode=mode).select_related("list", "segment"):
        if target.gone:
            continue
        if target.segment:
            among = Contact.objects.filter(pk__in=found).filter(
                pk__in=audience.contact_keys(target.segment.tree)
            )
            for pk in among.values_list("pk", flat=True):
                found[pk].append(_("segment “%(segment)s”") % {"segment": target.segment})
            continue
        members = Membership.objects.filter(list=target.list_id, contact__in=found)
        for pk, left_at in members.values_list("contact", "unsubscribed_at"):
            left = (
                _(", unsubscribed on %(left_at)s") % {"left_at": dates.write_day_of(left_at)}
                if left_at
                else ""
            )
            found[pk].append(_("list “%(list)s”%(left)s") % {"list": target.list, "left": left})
    return found


def explain_delivery(contact: Contact, campaign: EmailCampaign) -> tuple[bool, list[str]]:
    """Return whether this contact gets (or got) this campaign, and the reasons in sentences.

    Before the launch the answer follows from the targets as they are now, afterwards from the ledger.
    """
    if campaign.prepared_at:
        return _explain_launched(contact, campaign)
    reasons, is_named, has_subscribed = [], False, False
    for target in campaign.targets.select_related("list", "segment"):
        for sentence, subscribed in _explain_target(target, contact):
            if target.mode == Target.Mode.EXCLUDE:
                return False, [_("The campaign excludes them: %(sentence)s") % {"sentence": sentence}]
            is_named = True
            has_subscribed |= subscribed
            reasons.append(sentence)
    if not is_named:
        return False, [_("They are in none of its lists and segments.")]
    if not has_subscribed:
        return False, reasons
    suppression = Suppression.objects.filter(email=contact.email).first()
    if suppression:
        since = dates.write_day_of(suppression.created_at)
        return False, [
            _("Their address is suppressed since %(since)s: %(get_reason_display)s.")
            % {"since": since, "get_reason_display": in_sentence(suppression.get_reason_display())}
        ]
    if campaign.offer_id and campaign.code_is_bound and not contact.customer_id:
        return False, [
            _("They have no customer number, and a till must name the customer for this mail’s code.")
        ]
    if period := global_hold_out.find_period_of(contact, database_time.now()):
        return False, [_write_held_out_of_all(period)]
    return True, reasons


def _explain_target(target: Target, contact: Contact) -> Iterator[tuple[str, bool]]:
    """Yield a sentence when `target` names the contact, and whether they still want it."""
    if target.list_id:
        membership = Membership.objects.filter(list=target.list_id, contact=contact).first()
        if membership and membership.unsubscribed_at and target.mode == Target.Mode.INCLUDE:
            yield (
                _("They unsubscribed from the list “%(list)s” on %(unsubscribed_at)s.")
                % {"list": target.list, "unsubscribed_at": dates.write_day_of(membership.unsubscribed_at)},
                False,
            )
        elif membership:
            yield _("They are in the list “%(list)s”.") % {"list": target.list}, True
    elif target.segment and audience.is_in_segment(target.segment, contact):
        yield _("They are in the segment “%(segment)s”.") % {"segment": target.segment}, True


def _explain_launched(contact: Contact, campaign: EmailCampaign) -> tuple[bool, list[str]]:
    delivery = campaign.deliveries.filter(contact=contact).first()
    if delivery is None:
        period = (
            global_hold_out.find_period_of(contact, campaign.prepared_at) if campaign.prepared_at else None
        )
        if period:
            return False, [_write_held_out_of_all(period)]
        return False, [_("They were not among its recipients when it was launched.")]
    if delivery.status == delivery.Status.HELD_OUT:
        return False, [_("They are held out, so that the effect of the mail can be measured.")]
    said = (
        _("%(delivery)s: %(get_reason_display)s")
        % {
            "delivery": delivery.get_status_display(),
            "get_reason_display": delivery.get_reason_display() or delivery.text,
        }
    ).rstrip(": ")
    return delivery.status != delivery.Status.SKIPPED, [
        _("They are one of its recipients. %(said)s.") % {"said": said}
    ]


def _write_held_out_of_all(period: GlobalHoldOut) -> str:
    return _(
        "They are held out of all mails from %(begins_at)s until %(ends_at)s, so that the effect "
        "of all mails together can be measured."
    ) % {"begins_at": dates.write_day_of(period.begins_at), "ends_at": dates.write_day_of(period.ends_at)}
