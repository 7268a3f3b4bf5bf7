"""The versions of an e-mail campaign: what people may change of it, as it was saved each time.

What one person types within some minutes is one version. Each campaign keeps its latest ones.
"""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from campaigns import database_time, dates
from campaigns.annotations import Columns, JsonObject
from mailing.campaign_facts import FIELDS, TEST_FIELDS, describe_campaign, describe_facts
from mailing.models import (
    CampaignVersion,
    ContactList,
    EmailCampaign,
    Segment,
    SmtpConnection,
    SplitTest,
    Target,
)
from mailing.variants import find_test

FOLDED_WITHIN = timedelta(minutes=10)
MOST_VERSIONS = 50  # of one campaign
MOST_LINES_COMPARED = 5000
LONG = 120  # letters from which a text is compared line by line
TEST_COLUMNS = ("subjects", "bodies", "from_names", *TEST_FIELDS)


def read_values(campaign: EmailCampaign) -> JsonObject:
    """Return what people may change of a campaign, as JSON keeps it."""
    test = find_test(campaign)
    values = {
        "columns": {name: _column(name).value_from_object(campaign) for name in FIELDS},
        "targets": [
            {"mode": target.mode, "list": target.list_id, "segment": target.segment_id, "name": target.name}
            for target in campaign.targets.select_related("list", "segment")
        ],
        "routes": [
            {"connection": route.connection_id, "share": route.share, "name": str(route.connection)}
            for route in campaign.routes.select_related("connection")
        ],
        "test": {name: getattr(test, name) for name in TEST_COLUMNS} if test else None,
    }
    kept: JsonObject = json.loads(json.dumps(values, cls=DjangoJSONEncoder))
    return kept


def prepare_first_version(campaign: EmailCampaign) -> CampaignVersion | None:
    """Return a version, not stored yet, of a campaign that has none, as it is before an edit; None when it has one."""
    if campaign.versions.exists():
        return None
    at = campaign.updated_at
    return CampaignVersion(campaign=campaign, begun_at=at, saved_at=at, values=read_values(campaign))


def keep_version(
    campaign: EmailCampaign,
    *,
    by: User | None,
    is_automatic: bool = False,
    before: CampaignVersion | None = None,
    restored_from: datetime | None = None,
) -> None:
    """Keep a campaign as it was just saved, within the transaction that saved it.

    Args:
        before: the first version of a campaign that had none, from `prepare_first_version`.
        restored_from: the time of the version that was brought back.
    """
    now, values = database_time.now(), read_values(campaign)
    latest = campaign.versions.first()
    if latest is None and before is not None:
        before.save()
        latest = before
    if latest and latest.values == values and not restored_from:
        return
    if latest and is_automatic and _is_going_on(latest, by, now):
        latest.values, latest.saved_at = values, now
        latest.save(update_fields=["values", "saved_at"])
        return
    CampaignVersion.objects.create(
        campaign=campaign,
        by=by,
        begun_at=now,
        saved_at=now,
        is_automatic=is_automatic,
        restored_from=restored_from,
        values=values,
    )
    too_old = campaign.versions.values("pk")[MOST_VERSIONS:]
    CampaignVersion.objects.filter(pk__in=list(too_old.values_list("pk", flat=True))).delete()


def _is_going_on(version: CampaignVersion, by: User | None, now: datetime) -> bool:
    """Return whether the same person has been typing since a version was begun."""
    return version.is_automatic and version.by == by and version.begun_at > now - FOLDED_WITHIN


@dataclass(frozen=True)
class KeptCampaign:
    """A version, read back.

    Attributes:
        changes: columns by the names of their attributes.
        gone: the names of what it had and is deleted since.
    """

    changes: Columns
    targets: list[Target]
    routes: list[tuple[int, int]]
    split_tests: list[SplitTest]
    gone: list[str]


def read_version(version: CampaignVersion) -> KeptCampaign:
    """Read a version back, without what is deleted since."""
    gone: list[str] = []
    changes: Columns = {}
    for name, kept in version.values["columns"].items():
        column = _column(name)
        value = column.to_python(kept)
        if isinstance(column, models.ForeignKey) and value is not None and not _exists(column, value):
            gone.append(str(capfirst(column.verbose_name)))
            value = None
        changes[column.attname] = value
    lists = set(ContactList.objects.values_list("pk", flat=True))
    segments = set(Segment.objects.values_list("pk", flat=True))
    connections = set(SmtpConnection.objects.values_list("pk", flat=True))
    targets = []
    for kept in version.values["targets"]:
        if kept["list"] in lists or kept["segment"] in segments:
            targets.append(Target(mode=kept["mode"], list_id=kept["list"], segment_id=kept["segment"]))
        else:
            gone.append(kept["name"])
    routes = []
    for kept in version.values["routes"]:
        if kept["connection"] in connections:
            routes.append((kept["connection"], kept["share"]))
        else:
            gone.append(kept["name"])
    test = version.values["test"]
    return KeptCampaign(changes, targets, routes, [SplitTest(**test)] if test else [], gone)


def _column(name: str) -> "models.Field[Any, Any]":  # Any: of whatever type
    column = EmailCampaign._meta.get_field(name)
    assert isinstance(column, models.Field), "what people may change stands in a column"
    return column


def _exists(column: models.ForeignKey[Any, Any], key: int) -> bool:  # Any: of whatever model
    model = column.remote_field.model
    return not isinstance(model, str) and model._base_manager.filter(pk=key).exists()


@dataclass(frozen=True)
class Difference:
    """One field that differs between a version and the campaign now.

    Attributes:
        lines: of a long text the lines around each change, with "+", "-" or " " for each; none for a short one.
    """

    label: str
    before: str
    now: str
    lines: list[tuple[str, str]]


def list_differences(version: CampaignVersion, campaign: EmailCampaign) -> list[Difference]:
    """List the fields in which the campaign differs now from a version of it."""
    before, now = describe_version(version), describe_campaign(campaign)
    return [
        compare_texts(label, before.get(label, ""), now.get(label, ""))
        for label in {**now, **before}
        if before.get(label, "") != now.get(label, "")
    ]


def describe_version(version: CampaignVersion) -> dict[str, str]:
    """Return a version in words, as `describe_campaign` does with a campaign."""
    kept = read_version(version)
    names = dict(Target.Mode.choices)
    return describe_facts(
        EmailCampaign(**kept.changes),
        sorted(f"{names[target['mode']]} {target['name']}" for target in version.values["targets"]),
        [f"{route['name']}: {route['share']}" for route in version.values["routes"]],
        kept.split_tests[0] if kept.split_tests else None,
    )


def compare_texts(label: str, before: str, now: str) -> Difference:
    """Compare the two texts of a field: long ones line by line."""
    if max(len(before), len(now)) < LONG and "\n" not in before + now:
        return Difference(label, dates.write_stored_value(before), dates.write_stored_value(now), [])
    old, new = before.splitlines(), now.splitlines()
    if max(len(old), len(new)) > MOST_LINES_COMPARED:
        return Difference(label, _("Too long to be compared."), _("Too long to be compared."), [])
    return Difference(label, before, now, list(mark_lines(old, new)))


def mark_lines(old: list[str], new: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the lines around each change, each with "+", "-" or " "; "…" where lines between are left out."""
    for place, line in enumerate(difflib.unified_diff(old, new, n=2, lineterm="")):
        if place < 2:
            continue  # the names of two files
        if line.startswith("@@"):
            if place > 2:
                yield "…", ""
        else:
            yield line[0], line[1:]
