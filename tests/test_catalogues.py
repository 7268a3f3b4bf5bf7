"""Every text of the code and the templates has a translation, with the same values, tags and plurals."""

import re
from collections import defaultdict

import pytest
from babel.messages import pofile
from babel.messages.catalog import Catalog
from django.apps import apps
from django.conf import settings
from django.template import engines
from django.utils.functional import Promise

from campaigns.derived_names import OURS
from campaigns.text_extraction import AREAS, find_area, list_texts, read_template

LANGUAGES = [language for language, _ in settings.LANGUAGES if language != settings.LANGUAGE_CODE]
# areas whose last texts have no translation yet; it shrinks to nothing
NOT_YET: frozenset[str] = frozenset()
list_places = re.compile(r"%\(\w+\)[sd]|\{\w+\}").findall
list_tags = re.compile(r"</?\w+[^>]*>").findall


@pytest.fixture(scope="module")
def texts():
    return list_texts()


@pytest.fixture(scope="module", params=LANGUAGES)
def catalogues(request) -> dict[str, Catalog]:
    folder = settings.BASE_DIR / "locale" / request.param / "LC_MESSAGES"
    read = {}
    for path in sorted(folder.glob("*.po")):
        with path.open("rb") as file:
            read[path.stem] = pofile.read_po(file, locale=request.param)
    assert set(read) <= set(AREAS), "a file of no area"
    return read


def list_messages(catalogues):
    return [(area, each) for area, catalogue in catalogues.items() for each in catalogue if each.id]


def test_every_text_has_a_translation(texts, catalogues):
    said = defaultdict(set)
    for _area, message in list_messages(catalogues):
        parts = message.string if isinstance(message.string, tuple) else (message.string,)
        if all(parts) and not message.fuzzy:
            one = message.id if isinstance(message.id, str) else message.id[0]
            said[one, message.context].add(parts)
    missing = [
        f"{area}: {text.key[0]}"
        for area, listed in texts.items()
        for text in listed
        if text.key not in said and area not in NOT_YET
    ]
    assert missing == []
    assert {key: parts for key, parts in said.items() if len(parts) > 1} == {}, "one text, two translations"


def test_translations_have_the_values_tags_and_plurals_of_their_texts(catalogues):
    wrong = []
    for _, message in list_messages(catalogues):
        ids = message.id if isinstance(message.id, list | tuple) else (message.id,)
        parts = message.string if isinstance(message.string, list | tuple) else (message.string,)
        if not any(parts):
            continue
        if len(ids) > 1 and len(parts) != 2:
            wrong.append(f"{ids[0]}: {len(parts)} forms")
        known = [sorted(set(list_places(each))) for each in ids]
        tags = [sorted(list_tags(each)) for each in ids]
        wrong += [each for each in parts if sorted(set(list_places(each))) not in known]
        wrong += [each for each in parts if sorted(list_tags(each)) not in tags]
    assert wrong == []


def test_french_signs_have_a_gap_that_no_line_breaks(catalogues):
    """A colon that begins a line, and a quotation mark alone at the end of one, look like faults."""
    if next(iter(catalogues.values())).locale.language == "fr":
        said = [
            part
            for _, message in list_messages(catalogues)
            for part in (message.string if isinstance(message.string, list | tuple) else (message.string,))
        ]
        assert [text for text in said if re.search(r"« | (?=[:;!?»](?:[\s<]|$))", text)] == []


def test_names_that_django_derives_are_translated_when_they_are_shown():
    plain = [
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in OURS
        for field in model._meta.local_fields
        if field._verbose_name is None and not isinstance(field.verbose_name, Promise)
    ]
    assert plain == []


@pytest.mark.parametrize(
    "source",
    [
        '{% translate "Red" %}',
        '{% translate "Red" as red %}{{ red }}',
        "{% blocktranslate %}Red{% endblocktranslate %}",
        '{{ _("Red") }}',
        '{{ colour|default:_("Red") }}',
        '{{ colour|default:""|default:_("Red")|upper }}',
        '{% blocktranslate with colour=colour|default:_("Red") %}{{ colour }}{% endblocktranslate %}',
        '{% include "_pages.html" with colour=_("Red") %}',
        '{% with colour=_("Red") %}{{ colour }}{% endwith %}',
        '{% if colour == _("Red") %}{% endif %}',
        '{% if colour|default:_("Red") %}{% endif %}',
        '{% for each in colours|default:_("Red") %}{% endfor %}',
        '{% firstof colour _("Red") %}',
        '{% sortable "colour" _("Red") %}',
    ],
)
def test_a_text_is_found_wherever_a_template_may_hold_one(source):
    template = engines["django"].from_string("{% load i18n workspace %}" + source).template
    assert "Red" in [text.id for text in read_template(template)]


def test_a_percent_sign_is_found_as_django_looks_it_up():
    """Django doubles the sign before it asks a catalogue for the text of a template."""
    template = engines["django"].from_string('{{ colour|default:_("100% red") }}{{ _("50% red") }}').template
    assert [text.id for text in read_template(template)] == ["100%% red", "50%% red"]


def test_a_file_belongs_to_the_first_area_that_names_it():
    assert find_area("mailing/preferences.py") == "customers"
    assert find_area("templates/base.html") == "campaigns"
    assert find_area("templates/pos/_lines.html") == "pos"
    assert find_area("mailing/views/campaigns.py") == "mailing_pages"
    assert find_area("mailing/launch.py") == "mailing"
