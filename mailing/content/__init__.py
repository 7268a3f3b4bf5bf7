"""From the author's words to the bytes on the wire, for one recipient among millions.

`compile` does once what is the same for everybody, `Compiled.render` the rest. Pure: no Django, no query, no network.

    problems(source, samples, known=()) -> [(field, sentence), …]   everything that is wrong, [] = fit to launch
    compile(source) -> Compiled                                      at launch; raises ContentError
    Compiled.dump() -> bytes, load(bytes) -> Compiled, .hash         frozen with the campaign
    Compiled.render(recipient, links) -> bytes                       a whole RFC 5322 message, ready for DATA
    Compiled.links, Compiled.target(index, recipient)                where a click on link `index` leads
    render_preview(source, recipient, links=None) -> Preview         subject, html, text; nothing tracked
    for_test(source) -> Source                                       the same e-mail marked [TEST], nothing tracked
"""

from .compiled import Compiled, compile, load
from .source import ContentError, Links, Recipient, Source

__all__ = ["Compiled", "ContentError", "Links", "Recipient", "Source", "compile", "load"]
