"""From the author's words to the bytes on the wire, for one recipient among millions.

`compile` does once what is the same for everybody, `Compiled.render` the rest. Pure: no Django, no query, no network.

    find_problems(source, samples, known=()) -> [(field, sentence), …]   everything that is wrong; [] = fit to launch
    compile(source) -> Compiled                                      at launch; raises ContentError
    Compiled.dump() -> bytes, load(bytes) -> Compiled, .hash         frozen with the campaign
    read_links(bytes) -> (url, …)                                    the tracked links of what was dumped
    Compiled.render(recipient, links) -> bytes                       a whole RFC 5322 message, ready for DATA
    Compiled.links, Compiled.target(index, recipient)                the tracked links, and where a click leads
    render_preview(source, recipient) -> Preview                     subject, sender, html, text; nothing tracked
    review_mail(compiled, recipient) -> Review                how well people can read it who hear it or see badly
    find_foreign_tags(text) -> [ForeignTag]                          merge tags of other programs, with their Liquid
    convert_foreign_tags(text) -> str                                the text with these turned into Liquid
    TRAP                                                             the number of the link that no person sees
    mark_as_test(source) -> Source                                   the same e-mail marked [TEST], nothing tracked
"""

from .checks import SIZE_LIMIT, find_problems
from .compiled import Compiled, load, read_links
from .compiler import compile, mark_as_test, render_preview  # as in `re`: read it as content.compile
from .merge_tags import MergeTag as ForeignTag
from .merge_tags import convert_merge_tags as convert_foreign_tags
from .merge_tags import find_merge_tags as find_foreign_tags
from .names import TRAP
from .review import Review, review_mail
from .source import ContentError, Format, Links, OfferNote, Preview, Recipient, Source

__all__ = [
    "SIZE_LIMIT",
    "TRAP",
    "Compiled",
    "ContentError",
    "ForeignTag",
    "Format",
    "Links",
    "OfferNote",
    "Preview",
    "Recipient",
    "Review",
    "Source",
    "compile",
    "convert_foreign_tags",
    "find_foreign_tags",
    "find_problems",
    "load",
    "mark_as_test",
    "read_links",
    "render_preview",
    "review_mail",
]
