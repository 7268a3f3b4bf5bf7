"""Finds everything that is wrong with the content of a campaign before its launch."""

import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence

from campaigns.sentences import keep, mark

from . import audit
from .compiled import Compiled
from .compiler import compile  # as in `re`: read it as content.compile
from .names import OFFER, UNSUBSCRIBE
from .plaintext import write_text
from .sandbox import Template
from .source import ContentError, Links, Preview, Recipient, Source
from .statements import prepare_source
from .syntax import Fault, find_broken_spintax, find_faults, find_unknown_names, name_field, parse_templates

TIME_LIMIT = 3.0  # seconds of processor time in which the samples are to be written
SIZE_LIMIT = 102 * 1024  # bytes of HTML; Gmail cuts off what is longer, the unsubscribe link with it

NOWHERE = Links("https://example.invalid", "check")
_NOBODY = Recipient(email="someone@example.com")


def find_problems(
    source: Source, samples: Sequence[Recipient] = (), known: Collection[str] = ()
) -> list[Fault]:
    """Return (field, sentence) for everything that is wrong with the source; [] when it can be launched.

    Args:
        samples: some recipients; the content is rendered for each.
        known: the names of all attributes of contacts, in case the samples do not have all of them.
    """
    try:
        source = prepare_source(source)
    except ContentError as error:
        return [(error.field, f"{error}.")]
    found = find_faults(source)
    templates, _ = parse_templates(source)
    names = {*known, *(name for sample in samples for name in sample.attributes)}
    every: list[Fault] = [
        *found,
        *find_unknown_names(templates, source, names),
        *find_broken_spintax(source),
        *_find_missing_unsubscribe(templates, source),
        *(
            (
                field,
                keep("%(field)s, line %(line)s: %(said)s.", field=name_field(field), line=line, said=said),
            )
            for field, line, said in audit.find_faults(source)
        ),
    ]
    complete = list(dict.fromkeys(every))  # a merge tag may also be why the Liquid does not parse
    if found:
        return complete
    try:
        compiled = compile(source)
    except ContentError as error:
        return [*complete, (error.field, f"{error}.")]
    has_link = UNSUBSCRIBE in templates["body"].names()
    return complete + _find_rendering_faults(compiled, samples or [_NOBODY], has_link, source)


def _find_missing_unsubscribe(templates: Mapping[str, Template], source: Source) -> Iterator[Fault]:
    for field in ("body", "text"):
        if (
            field in templates
            and getattr(source, field).strip()
            and UNSUBSCRIBE not in templates[field].names()
        ):
            yield (
                field,
                keep(
                    "%(field)s: no unsubscribe link; put {{ %(unsubscribe)s }} where it should lead.",
                    field=name_field(field),
                    unsubscribe=UNSUBSCRIBE,
                ),
            )


def _find_reading_faults(preview: Preview, has_link: bool, own_text: bool) -> Iterator[Fault]:
    """Yield what is wrong with a mail as one sample reads it."""
    link = f"{NOWHERE.base}/u/{NOWHERE.token}"
    if has_link and link not in preview.html:
        yield "body", mark("it has no unsubscribe link.")
        return
    seen = write_text(preview.html) if own_text else preview.text
    if has_link and link in preview.html and link not in seen:
        yield (
            "body",
            mark(
                "nobody can see its unsubscribe link: it stands in hidden content, or in a comment for Outlook."
            ),
        )
    if not own_text and not has_words(preview.text):
        yield (
            "text",
            mark("it has no words; give the pictures alt texts, or write a text part of your own."),
        )


def _find_hidden_code(preview: Preview, sample: Recipient, source: Source) -> Iterator[Fault]:
    """Yield where a mail that carries an offer does not show its code: in its HTML, in its text part."""
    offer = sample.attributes.get(OFFER)
    if source.offer is None or not isinstance(offer, dict):
        return
    code, own_text = offer["code"], bool(source.text.strip())
    if code not in (write_text(preview.html) if own_text else preview.text):
        yield (
            "body",
            mark("it never shows the code of its offer; put {{ offer.code }} where people see it."),
        )
    elif own_text and code not in preview.text:
        yield "text", mark("it never shows the code of the offer; put {{ offer.code }} into it.")


def has_words(text: str) -> bool:
    """Return whether a text part has words besides its links."""
    return any(character.isalnum() for character in re.sub(r"https?://\S+", "", text))


def _find_rendering_faults(
    compiled: Compiled, samples: Sequence[Recipient], has_link: bool, source: Source
) -> list[Fault]:
    """List each fault that some samples show once, with the first sample and how many others."""
    those: dict[Fault, list[Recipient]] = {}
    sizes: list[tuple[int, str]] = []
    started = time.thread_time()
    for sample in samples:
        if time.thread_time() - started > TIME_LIMIT:
            said = keep(
                "it takes more than %(time_limit)s seconds to write for %(count)s people.",
                time_limit=f"{TIME_LIMIT:g}",
                count=len(sizes),
            )
            those.setdefault(("body", said), []).append(sample)
            break
        notes: list[str] = []
        try:
            preview = compiled.preview(sample, NOWHERE, notes=notes)
        except ContentError as error:
            those.setdefault((error.field, f"{error}."), []).append(sample)
            continue
        for note in dict.fromkeys(notes):
            those.setdefault(("body", f"{note}."), []).append(sample)
        sizes.append((len(preview.html.encode("utf-8", "replace")), sample.email))
        if not preview.subject:
            those.setdefault(("subject", mark("it is empty.")), []).append(sample)
        for fault in (
            *_find_reading_faults(preview, has_link, bool(source.text.strip())),
            *_find_hidden_code(preview, sample, source),
        ):
            those.setdefault(fault, []).append(sample)
    found = []
    for (field, said), whom in those.items():
        more = keep(" and %(count)s more", count=len(whom) - 1) if len(whom) > 1 else ""
        found.append(
            (
                field,
                keep(
                    "%(field)s, for %(email)s%(more)s: %(said)s",
                    field=name_field(field),
                    email=whom[0].email,
                    more=more,
                    said=said,
                ),
            )
        )
    size, email = max(sizes, default=(0, ""))
    if size > SIZE_LIMIT:
        limit = keep("over %(size_limit)s KB mail clients cut an e-mail off", size_limit=SIZE_LIMIT // 1024)
        found.append(
            (
                "body",
                keep(
                    "Body: %(size)s KB for %(email)s; %(limit)s.",
                    size=f"{size / 1024:.0f}",
                    email=email,
                    limit=limit,
                ),
            )
        )
    return found
