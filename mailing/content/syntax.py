"""Finds faults of a source that need no recipient's values."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from liquid.builtin.expressions import FilteredExpression
from liquid.exceptions import LiquidError
from liquid.expression import Expression

from campaigns.sentences import keep, mark

from . import markup, merge_tags
from .names import OFFER, OFFER_FIELDS, RESERVED
from .protected_liquid import ProtectedLiquid
from .sandbox import HTML, TEXT, Settings, Template, describe_error, walk_nodes
from .source import ContentError, Source
from .spintax import Spintax

Fault = tuple[str, str]  # the field it is about, and a sentence

_TEMPLATES = ("subject", "preheader", "from_name", "body", "text")  # the fields that may hold Liquid
_ONE_LINE = (
    "subject",
    "preheader",
    "from_name",
    "from_email",
    "reply_to",
    "domain",
    "list_id",
    "unsubscribe_email",
)
_NAMES = {"from_email": "sender's address", "from_name": "sender's name", "text": "text part"}

_controls = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_mailbox = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*").fullmatch
_domain = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*").fullmatch


def find_faults(source: Source) -> list[Fault]:
    """Return everything that keeps the source from compiling, except faults of its markup."""
    return [*_find_empty(source), *_find_header_faults(source), *find_unrenderable(source)]


def find_unrenderable(source: Source) -> list[Fault]:
    """Return the faults with which the source cannot even be shown."""
    return [*_find_setting_faults(source), *parse_templates(source)[1]]


def parse_templates(source: Source) -> tuple[dict[str, Template], list[Fault]]:
    """Return the templates of the fields whose Liquid parses, and the faults in the Liquid of the others."""
    templates: dict[str, Template] = {}
    found: list[Fault] = []
    for field in _TEMPLATES:
        text = getattr(source, field)
        try:
            templates[field] = template = Template(text, HTML if field == "body" else TEXT, Settings())
        except LiquidError as error:
            said = _explain_handlebars(text) or describe_error(error)
            found.append((field, f"{name_field(field)}{', ' if said.startswith('line ') else ': '}{said}."))
            continue
        for node in walk_nodes(template.nodes):
            for expression in node.expressions():
                found += _find_unknown_filters(field, text, expression)
    return templates, found


def _explain_handlebars(text: str) -> str:
    """Return how to write a merge tag of Handlebars here, with its line; "" when there is none."""
    for change in merge_tags.find_merge_tags(text):
        if change.old.startswith("{{"):
            return keep(
                "line %(line)s: %(change)s", line=change.line, change=merge_tags.describe_merge_tag(change)
            )
    return ""


def find_unknown_names(
    templates: Mapping[str, Template], source: Source, known: Collection[str]
) -> Iterator[Fault]:
    """Yield a fault for every variable that is neither `known` nor given a value by the template itself."""
    for field, template in templates.items():
        for name, uses in template.analyze(include_partials=False).globals.items():
            if name == OFFER and source.offer:
                for use in uses:
                    if len(use.segments) < 2 or use.segments[1] not in OFFER_FIELDS:
                        asked = str(use.segments[1]) if len(use.segments) > 1 else mark("of itself")
                        line = _line_of(getattr(source, field), use.span.index)
                        said = keep(
                            "the offer has no field %(asked)s; it has %(offer_fields)s",
                            asked=asked,
                            offer_fields=", ".join(OFFER_FIELDS),
                        )
                        yield (
                            field,
                            keep(
                                "%(field)s, line %(line)s: %(said)s.",
                                field=name_field(field),
                                line=line,
                                said=said,
                            ),
                        )
                continue
            if name not in known and name not in RESERVED:
                line = _line_of(getattr(source, field), uses[0].span.index)
                yield (
                    field,
                    keep(
                        "%(field)s, line %(line)s: no contact has a field %(name)s.%(name_2)s",
                        field=name_field(field),
                        line=line,
                        name=name,
                        name_2=_find_similar(name, known),
                    ),
                )


def find_broken_spintax(source: Source) -> Iterator[Fault]:
    """Yield a fault for every group of wordings that a tag cuts in two: it would be sent as it stands."""
    for field in _TEMPLATES:
        text = getattr(source, field)
        held = ProtectedLiquid(text)
        spintax = Spintax(held, "")
        try:
            if field == "body":
                markup.text_runs(held.liquid(text), held.comment.fullmatch, spintax.run)
            else:
                spintax.run(held.liquid(text))
        except ContentError as error:
            yield field, f"{name_field(field)}: {error}."
            return
        for part in spintax.broken:
            hint = mark(
                "a tag or the end of its text cuts it; write \\{ or \\} for a brace that means itself"
            )
            yield (
                field,
                keep(
                    "%(field)s: “%(part)s” looks like spintax, but %(hint)s.",
                    field=name_field(field),
                    part=part,
                    hint=hint,
                ),
            )


def name_field(field: str) -> str:
    """Return the name of a field as people know it, for the start of a sentence."""
    return _NAMES.get(field, field.replace("_", " ")).capitalize()


def _find_empty(source: Source) -> Iterator[Fault]:
    if not source.subject.strip():
        yield "subject", mark("The subject is empty.")
    if not source.body.strip():
        yield "body", mark("The body is empty.")


def _find_header_faults(source: Source) -> Iterator[Fault]:
    """Find values of headers that would end their line."""
    broken = {field for field in _ONE_LINE if _controls.search(getattr(source, field))}
    for field in _ONE_LINE:
        value = getattr(source, field)
        if field in broken:
            yield (
                field,
                keep("%(field)s: must be one line, without control characters.", field=name_field(field)),
            )
        elif field in ("from_email", "reply_to", "unsubscribe_email"):
            if (value or field == "from_email") and not _mailbox(value):
                yield (
                    field,
                    keep(
                        "%(field)s: “%(value)s” is not an e-mail address.",
                        field=name_field(field),
                        value=value,
                    ),
                )
        elif field in ("domain", "list_id") and value and not _domain(value):
            yield (
                field,
                keep("%(field)s: “%(value)s” is not a domain name.", field=name_field(field), value=value),
            )
    for value in source.feedback:
        if not re.fullmatch(r"[!-9;-~]{1,100}", value):
            yield (
                "feedback",
                keep("Feedback: “%(value)s” must be ASCII, without spaces and colons.", value=value),
            )


def _find_setting_faults(source: Source) -> Iterator[Fault]:
    try:
        Locale.parse(source.locale, sep="-" if "-" in source.locale else "_")
    except (ValueError, UnknownLocaleError):
        yield "locale", keep("Locale: “%(locale)s” is not a language we know.", locale=source.locale)
    if not re.fullmatch(r"[A-Z]{3}", source.currency):
        yield (
            "currency",
            keep("Currency: “%(currency)s” is not a three-letter code.", currency=source.currency),
        )
    try:
        ZoneInfo(source.time_zone)
    except (ValueError, ZoneInfoNotFoundError):
        yield "time_zone", keep("Time zone: “%(time_zone)s” is not known.", time_zone=source.time_zone)


def _find_unknown_filters(field: str, text: str, expression: Expression) -> Iterator[Fault]:
    if isinstance(expression, FilteredExpression):
        for used in expression.filters or ():
            if used.name not in TEXT.filters:
                line = _line_of(text, used.token.start_index)
                hint = _find_similar(used.name, TEXT.filters)
                yield (
                    field,
                    keep(
                        "%(field)s, line %(line)s: there is no filter %(name)s.%(hint)s",
                        field=name_field(field),
                        line=line,
                        name=used.name,
                        hint=hint,
                    ),
                )
    for child in expression.children():
        yield from _find_unknown_filters(field, text, child)


def _line_of(text: str, index: int) -> int:
    return text.count("\n", 0, index) + 1


def _find_similar(name: str, names: Collection[str]) -> str:
    near = difflib.get_close_matches(
        name, [*names, *RESERVED] if name not in TEXT.filters else names, n=1, cutoff=0.7
    )
    return keep(" Did you mean %(near)s?", near=near[0]) if near else ""
