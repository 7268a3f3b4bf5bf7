"""Finds every text of the code and the templates that is to be translated, and brings the .po files up to date.

The texts are divided by area, so that people who work on different areas change different files. A text that several
areas have belongs to the first of AREAS. Nothing here needs the tools of gettext: Babel reads the code, Django its own
templates. Texts are sorted by the place where they stand, without its name or line, which would change all the time.
"""

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from inspect import getmodule
from pathlib import Path
from typing import NamedTuple

from babel.messages import extract, pofile
from babel.messages.catalog import Catalog
from django.apps import apps
from django.conf import settings
from django.forms import BaseForm
from django.forms.utils import pretty_name
from django.template import Node, engines
from django.template.base import FilterExpression, Template, Variable
from django.templatetags.i18n import BlockTranslateNode, TranslateNode
from django.urls import get_resolver
from django.utils import translation
from django.utils.functional import Promise

from campaigns.derived_names import OURS, list_derived_names

CUSTOMERS = (
    "unsubscribe|preferences|confirm_address|_link_problem|customers|code|code_pages|tracking|unsubscribing"
)

# the first pattern that a path matches counts
AREAS = {
    "customers": rf"(templates/)?mailing/(forms/|views/)?({CUSTOMERS})\.(py|html)|promotions/customer_words\.py",
    "campaigns": r"(campaigns|config)/.*|templates/(?!pos/|promotions/|mailing/).*",
    "pos": r"pos/.*|templates/pos/.*",
    "promotions": r"promotions/.*|templates/promotions/.*",
    "mailing_pages": r"mailing/(forms|views)/.*|templates/mailing/.*",
    "mailing": r"mailing/.*",
}
KEYWORDS = {
    **extract.DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
    "keep": None,
    "keep_plural": (1, 2),
    "mark": None,
    "BadLink": None,  # shown by `{% translate %}`
}


class Text(NamedTuple):
    """A text to translate: for a plural both forms."""

    id: str | tuple[str, str]
    context: str | None = None

    @property
    def key(self) -> tuple[str, str | None]:
        """What a catalogue knows the text by: the plural does not count."""
        return (self.id if isinstance(self.id, str) else self.id[0], self.context)


def list_texts() -> dict[str, list[Text]]:
    """List the texts of each area."""
    found: dict[str, list[tuple[str, Text]]] = {area: [] for area in AREAS}
    for path, text in _walk_sources():
        found[find_area(path)].append((path, text))
    seen: dict[tuple[str, str | None], Text] = {}
    areas = {}
    for area, placed in found.items():
        mine: dict[tuple[str, str | None], Text] = {}
        for _, text in placed:
            if text.key in seen:
                if isinstance(text.id, tuple) and isinstance(seen[text.key].id, str):
                    raise ValueError(
                        f"{text.id[0]!r} stands with and without a plural: give one of them a context."
                    )
            else:
                seen[text.key] = mine[text.key] = text
        areas[area] = list(mine.values())
    return areas


def find_area(path: str) -> str:
    """Return the area of a file, by its path in the project."""
    for area, pattern in AREAS.items():
        if re.fullmatch(pattern, path):
            return area
    raise ValueError(f"{path} belongs to no area.")


def update_catalogues(locale: Path, areas: Iterable[str]) -> dict[tuple[str, str], int]:
    """Bring the .po files of areas up to date in every language.

    A new text is added without a translation, one that is gone is removed. A text that moved to another area keeps its
    translation, from wherever it stands.

    Returns: by language and area, how many texts have no translation.
    """
    texts = list_texts()
    missing: dict[tuple[str, str], int] = {}
    for language, _ in settings.LANGUAGES:
        if language == "en":
            continue
        folder = locale / language / "LC_MESSAGES"
        known = read_translations(folder, language)
        for area in areas:
            catalogue = Catalog(locale=language)
            for text in texts[area]:
                said = known.get(text.key, "")
                if isinstance(text.id, tuple):
                    said = said if isinstance(said, tuple) else ("",) * catalogue.num_plurals
                elif isinstance(said, tuple):
                    said = ""
                catalogue.add(text.id, said, context=text.context)
                is_missing = not said or (isinstance(said, tuple) and not all(said))
                missing[language, area] = missing.get((language, area), 0) + is_missing
            write_catalogue(folder / f"{area}.po", catalogue)
    return missing


def read_translations(folder: Path, language: str) -> dict[tuple[str, str | None], str | tuple[str, ...]]:
    """Read what is translated, from all files of a language."""
    known: dict[tuple[str, str | None], str | tuple[str, ...]] = {}
    for path in sorted(folder.glob("*.po")):
        with path.open("rb") as file:
            for message in pofile.read_po(file, locale=language):
                if message.id and message.string and not message.fuzzy:
                    one = message.id if isinstance(message.id, str) else message.id[0]
                    said = message.string if isinstance(message.string, str) else tuple(message.string)
                    known.setdefault((one, message.context), said)
    return known


def write_catalogue(path: Path, catalogue: Catalog) -> None:
    """Write a .po file, with a header that changes with nothing but the language."""
    header = (
        'msgid ""\nmsgstr ""\n'
        f'"Language: {catalogue.locale_identifier}\\n"\n"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=UTF-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {catalogue.plural_forms}\\n"\n\n'
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(header.encode())
        pofile.write_po(file, catalogue, width=10_000, no_location=True, omit_header=True)


def _walk_sources() -> Iterator[tuple[str, Text]]:
    """Yield every text with the path of its file, in an order that does not depend on the machine."""
    base = settings.BASE_DIR
    for app in (*OURS, "config"):
        for path in sorted((base / app).rglob("*.py")):
            if "migrations" not in path.parts and "commands" not in path.parts:
                yield from _read_code(base, path)
    for path in sorted((base / "templates").rglob("*.html")) + sorted((base / "templates").rglob("*.txt")):
        name = str(path.relative_to(base / "templates"))
        for text in read_template(engines["django"].get_template(name).template):  # type: ignore[attr-defined]
            yield str(path.relative_to(base)), text
    yield from _list_derived_names(base)


def _read_code(base: Path, path: Path) -> Iterator[tuple[str, Text]]:
    with path.open("rb") as file:
        for _, found, _, context in extract.extract("python", file, KEYWORDS):
            if isinstance(found, tuple):
                yield str(path.relative_to(base)), Text((found[0], found[1]), context)
            elif found:
                yield str(path.relative_to(base)), Text(found, context)


def read_template(template: Template) -> Iterator[Text]:
    """Yield the texts of a template, as Django asks the catalogue for them."""
    seen: set[int] = set()
    for node in template.nodelist:
        yield from _read_node(node, seen)


def _read_node(thing: object, seen: set[int]) -> Iterator[Text]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    match thing:
        case BlockTranslateNode():
            context = _read_context(thing.message_context)
            one = thing.render_token_list(thing.singular)[0]
            many = thing.render_token_list(thing.plural)[0] if thing.plural else ""
            yield Text((one, many) if many else one, context)
            yield from _read_parts(thing, seen)
        case TranslateNode():
            said = thing.filter_expression.var
            literal = said.literal if isinstance(said, Variable) else said
            if isinstance(literal, str):
                yield Text(literal.replace("%", "%%"), _read_context(thing.message_context))
            yield from _read_parts(thing, seen)
        case Variable():
            if thing.translate and isinstance(thing.literal, str):
                yield Text(thing.literal.replace("%", "%%"), thing.message_context)
        case FilterExpression():
            yield from _read_literals(thing)
            yield from _read_parts(thing, seen)
        case Node():
            yield from _read_parts(thing, seen)
        case dict():
            for value in thing.values():
                yield from _read_node(value, seen)
        case list() | tuple():
            for value in thing:
                yield from _read_node(value, seen)
        case Template():
            yield from _read_node(thing.nodelist, seen)
        case _:
            if (
                type(thing).__module__ == "django.template.smartif"
                or type(thing).__name__ == "TemplateLiteral"
            ):
                yield from _read_parts(thing, seen)


def _read_literals(expression: FilterExpression) -> Iterator[Text]:
    """Yield each `_("…")` of an expression, which Django keeps as a lazy text: at its start, or given to a filter."""
    literals = [expression.var, *(arg for _, args in expression.filters for _, arg in args)]
    for literal in literals:
        if isinstance(literal, Promise):
            with translation.override(None):
                yield Text(str(literal))


def _read_parts(thing: object, seen: set[int]) -> Iterator[Text]:
    slots = [name for each in type(thing).__mro__ for name in getattr(each, "__slots__", ())]
    for name in (*getattr(thing, "__dict__", {}), *slots):
        yield from _read_node(getattr(thing, name, None), seen)


def _read_context(context: FilterExpression | None) -> str | None:
    return str(context.resolve({})) if context else None  # type: ignore[arg-type]


def _list_derived_names(base: Path) -> Iterator[tuple[str, Text]]:
    """Yield the names that Django makes of those in the code: of models, their columns, and the fields of forms."""
    get_resolver().url_patterns  # noqa: B018  # loads every view, and with it every form
    found: set[tuple[str, str]] = set()
    for model in apps.get_models():
        if model._meta.app_label in OURS:
            path = _find_path(base, model)
            found |= {(path, name) for name in list_derived_names(model)}
    for form in _list_subclasses(BaseForm):
        if form.__module__.split(".")[0] in OURS:
            fields = getattr(form, "base_fields", {})
            found |= {
                (_find_path(base, form), pretty_name(name))
                for name, field in fields.items()
                if field.label is None
            }
    for path, name in sorted(found):
        yield path, Text(name)


def _list_subclasses(of: type) -> Iterator[type]:
    for each in sorted(of.__subclasses__(), key=lambda each: (each.__module__, each.__qualname__)):
        yield each
        yield from _list_subclasses(each)


def _find_path(base: Path, of: type) -> str:
    module = getmodule(of) or import_module(of.__module__)
    return str(Path(str(module.__file__)).relative_to(base))
