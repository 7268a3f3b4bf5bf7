"""From a source to content that is ready to send."""

import html
import json

from liquid.exceptions import LiquidError
from msgspec.structs import asdict, replace

from campaigns.sentences import keep

from . import accessibility
from .compiled import Compiled, StoredContent
from .document import add_annotation, add_pixel, add_trap, build_document, write_language
from .links import TrackedLinks
from .mime import make_one_line
from .names import CLICK, OFFER, OPEN, SUBJECT
from .page_tree import EntangledLiquid
from .parts import LineTemplate
from .plaintext import decimal_mark, write_text_template
from .protected_liquid import OUTPUT, ProtectedLiquid
from .sandbox import HTML, TEXT, Settings, Template, describe_error
from .source import ContentError, Links, OfferNote, Preview, Recipient, Source
from .spintax import Spintax
from .statements import prepare_source
from .syntax import Fault, find_faults, find_unrenderable

_NOWHERE = Links("https://unsubscribe.invalid", "preview")


def compile(source: Source) -> Compiled:  # as in `re`: read it as content.compile
    """Compile the content, so that it is ready to send.

    Raises:
        ContentError: with the first thing that is wrong.
    """
    source = prepare_source(source)
    return _compile_source(source, find_faults(source))


def mark_as_test(source: Source) -> Source:
    """Return the same mail marked [TEST], without tracking."""
    return replace(source, subject=f"[TEST] {source.subject}", track_opens=False, track_clicks=False)


def render_preview(source: Source, recipient: Recipient, links: Links = _NOWHERE) -> Preview:
    """Return what one recipient would read, with links that lead directly to their targets.

    A draft may lack a subject or a sender: only content that cannot be shown is refused.

    Raises:
        ContentError: it does not compile or render.
    """
    untracked = replace(prepare_source(source), track_opens=False, track_clicks=False)
    made = _compile_source(untracked, find_unrenderable(untracked))
    return made.preview(recipient, links, preheader=_compile_line(untracked.preheader, "p"))


def _replace_surrogates(source: Source) -> Source:
    """Return the source with a question mark for each half of a surrogate pair, which is no character."""
    changed = {
        field: text.encode("utf-8", "replace").decode()
        for field, text in asdict(source).items()
        if isinstance(text, str) and not text.isascii()
    }
    return replace(source, **changed) if changed else source


def _compile_source(source: Source, wrong: list[Fault]) -> Compiled:
    source = _replace_surrogates(source)
    if wrong:
        field, said = wrong[0]
        raise ContentError(said.removesuffix("."), field)
    try:
        return Compiled(_freeze(source))
    except LiquidError as error:  # each field parses alone: markup and Liquid must be entangled
        said = keep(
            "The HTML and the Liquid of the body do not fit together: %(error)s", error=describe_error(error)
        )
        raise ContentError(said, "body") from error


def _freeze(source: Source, is_late: bool = False) -> StoredContent:
    settings = _read_settings(source)
    held = ProtectedLiquid(source.body + source.preheader + source.subject)
    preheader = html.escape(Spintax(held, "p").run(held.liquid(source.preheader)), quote=False)
    page, late, is_regular, seen = build_document(source, held, held.as_comments(preheader), is_late)
    links = TrackedLinks(
        held,
        settings,
        Template(held.restore(page), HTML, settings).bound,
        source.track_clicks,
        source.earlier_links,
    )
    page = links.rewritten(page)
    is_own = bool(source.text.strip())
    seen = links.rewritten(seen) if seen and not is_own else page
    text = (
        _compile_line(source.text, "t") if is_own else _compile_text(seen, held, settings, late, is_regular)
    )
    if text is None and seen != page:
        # what is seen is known of each rendered message before its CSS is inlined
        return _freeze(source, is_late=True)
    subject = _compile_line(source.subject, "s")
    page = accessibility.complete_page(
        page, held, accessibility.PageAdditions(write_language(source), _write_title(subject, held, settings))
    )
    if source.track_clicks and links.urls:
        page = add_trap(page, held.keep(f"{{{{ {CLICK} }}}}", OUTPUT))
    if source.offer:
        page = add_annotation(page, _write_annotation(source.offer, held))
    if source.track_opens:
        page = add_pixel(page, held.keep(f"{{{{ {OPEN} }}}}", OUTPUT))
    return StoredContent(
        subject=subject,
        from_name=_compile_line(source.from_name, "f"),
        from_email=source.from_email,
        reply_to=source.reply_to,
        html=held.restore(page),
        text=text or "",
        text_late=text is None,
        text_made=not is_own,
        late=late,
        links=tuple(links.urls),
        settings=settings,
        domain=source.domain or source.from_email.rpartition("@")[2],
        list_id=source.list_id,
        feedback=source.feedback,
        unsubscribe_email=source.unsubscribe_email,
    )


def _write_annotation(offer: OfferNote, held: ProtectedLiquid) -> str:
    """Return what is offered as JSON-LD with marks. The code and its end are those of each recipient."""
    facts = {
        "@context": "http://schema.org/",
        "@type": "DiscountOffer",
        "description": offer.label,
        "discountCode": held.keep(f"{{{{ {OFFER}.code }}}}", OUTPUT),
    }
    if offer.has_end:
        facts["availabilityEnds"] = held.keep(f"{{{{ {OFFER}.until }}}}", OUTPUT)
    written = json.dumps([facts], ensure_ascii=False)
    return written.replace("<", "\\u003c")


def _write_title(subject: str, held: ProtectedLiquid, settings: Settings) -> str:
    """Return the title of the page as HTML with marks: the subject, as each recipient reads it."""
    fixed = LineTemplate(Template(subject, TEXT, settings)).fixed
    if fixed is None:
        return held.keep(f"{{{{ {SUBJECT} }}}}", OUTPUT)
    return html.escape(make_one_line(fixed), quote=False)


def _compile_text(
    page: str, held: ProtectedLiquid, settings: Settings, late: bool, is_regular: bool
) -> str | None:
    """Return the template of the text part, made from the HTML; None when only the rendered HTML tells what it says."""
    if late:
        return None
    try:
        return held.restore(write_text_template(page, held, decimal_mark(settings.babel_locale), is_regular))
    except EntangledLiquid:
        return None


def _read_settings(source: Source) -> Settings:
    utm = {
        "utm_source": source.utm_source,
        "utm_medium": source.utm_medium,
        "utm_campaign": source.utm_campaign,
        "utm_content": source.utm_content,
    }
    return Settings(
        locale=source.locale,
        currency=source.currency,
        time_zone=source.time_zone,
        utm=tuple((name, value) for name, value in utm.items() if value),
    )


def _compile_line(text: str, part: str) -> str:
    """Return a field of plain text as a Liquid template, its spintax made part of it."""
    held = ProtectedLiquid(text)
    return held.restore(Spintax(held, part).run(held.liquid(text)))
