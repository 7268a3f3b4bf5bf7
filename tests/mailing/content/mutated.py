"""Bodies that a slip of the hand, a bad paste or another program has damaged: always the same for the same number."""

import random
import re
from collections.abc import Callable

from mailing.content import Source
from tests.browser.mail_bodies import list_bodies

from .corpus import TEMPLATES, source

PIECES = (
    "<", ">", '"', "'", "=", "/", "<p", "<!--", "-->", "<style>", "</style>", "{%", "%}", "{{", "}}", "{", "}", "|",
    "if a", "endif", "<p style=", "color", ":", ";", "{{ a }}", "{% if a %}", "{% endif %}", "<table>",
    "<tr>", "<td>", "<svg>", "<title>", "<![if x]>", "<!DOCTYPE", "&copy", "&#0;", "\x00", "\ud800", "é", "a", " ",
    "\n", "<a href=", "https://x.test/", "*|IF:A|*", "{{#if a}}", "`", "[a](", ")", "<mj-text>", "<mjml>",
    "<mj-body>",
)  # fmt: skip
LIQUID = (
    "{{ first_name | shout }}", "{% for x in y %}", "{% endfor %}", "{% else %}", "{% case a %}", "{{ a | date: '%' }}",
    "{% assign a = 'x' | append: a %}", "{% raw %}", "{% cycle %}", "{{ 'a' | split: '' | sort }}", "{{ a[b", "{|",
    "{% if city == 'Wien' %}class='w'{% endif %}", "{{ 1 | divided_by: 0 }}", "{% comment %}", "{{ unsubscribe_url }}",
)  # fmt: skip
BLOCK = """<mj-section><mj-column width="50%"><mj-text font-size="12px">{{ first_name }}</mj-text><mj-divider />
<mj-image src="https://x.test/a.png" /><mj-button href="https://x.test/">Go</mj-button></mj-column></mj-section>"""
_parts = re.compile(r"<[^<>]*>|\{[{%].*?[%}]\}|[^<{]+|.", re.DOTALL)  # tags, Liquid, and the text between


def list_sources() -> list[Source]:
    """Return whole sources in each format, to be damaged."""
    mjml = source(f"<mjml><mj-body>{BLOCK}{BLOCK}</mj-body></mjml>", body_format="mjml")
    pages = [source(body) for _, body in list_bodies()]
    return [*TEMPLATES.values(), *[mjml] * 8, *pages[::3]]


def mutate(number: int, sources: list[Source]) -> Source:
    """Return one of the sources with several parts of one field or two damaged.

    What no form can carry (NUL, halves of surrogate pairs) is left out: the door refuses it before anything reads it.
    """
    chance = random.Random(number)
    chosen = chance.choice(sources)
    fields = {"body": _damage(chosen.body, chance)}
    if chance.random() < 0.3:
        name = chance.choice(["subject", "preheader", "from_name", "text"])
        fields[name] = _damage(getattr(chosen, name) or "{{ first_name }}", chance).replace("\n", " ")
    return _replace(
        chosen, **{name: re.sub("[\x00\ud800-\udfff]", "", text) for name, text in fields.items()}
    )


def _replace(source_: Source, **fields: str) -> Source:
    return Source(**{name: getattr(source_, name) for name in source_.__struct_fields__} | fields)


def _damage(text: str, chance: random.Random) -> str:
    parts = _parts.findall(text)
    for _ in range(chance.randint(1, 6)):
        place, other = (chance.randrange(len(parts)) for _ in range(2)) if parts else (0, 0)
        ways: list[Callable[[], object]] = [
            lambda at=place: parts.__delitem__(slice(at, at + chance.randint(1, 3))),
            lambda at=place, to=other: parts.insert(to, "".join(parts[at : at + chance.randint(1, 5)])),
            lambda at=place: parts.insert(at, chance.choice(PIECES)),
            lambda at=place: parts.insert(at, chance.choice(LIQUID)),
            lambda at=place: parts.insert(at, "".join(chance.choices(PIECES, k=5))),
            lambda at=place, to=other: parts.__setitem__(slice(at, at + 1), parts[to : to + 1]),
            lambda at=place: parts.__setitem__(slice(at, at + 1), _damage_part(parts[at : at + 1], chance)),
        ]
        chance.choice(ways)()
    return "".join(parts)


def _damage_part(parts: list[str], chance: random.Random) -> list[str]:
    """Take one character out of a part, or put Liquid inside it."""
    return [
        part[:at] + chance.choice(["", chance.choice(LIQUID)]) + part[at + 1 :]
        for part in parts
        for at in [chance.randrange(len(part) or 1)]
    ]
