"""The languages of the preference page and the pages around it."""

import re

import pytest
from django.conf import settings as configured
from django.utils import translation

from mailing.models import (
    Contact,
)
from mailing.sending import tokens
from mailing.sending.tokens import Purpose

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("language", "browser", "lang", "word"),
    [
        ("de-AT", "fr", "de", "Abmelden"), ("fr", "", "fr", "Se désabonner"), ("en-GB", "de", "en", "Unsubscribe"),
        ("", "fr-CH,fr;q=0.9", "fr", "Se désabonner"), ("ja", "de", "de", "Abmelden"), ("", "ja", "en", "Unsubscribe"),
    ],
)  # fmt: skip
def test_the_pages_speak_the_contacts_language_else_the_browsers(
    anybody, contact, delivery, path, language, browser, lang, word
):
    Contact.objects.update(language=language)
    unsubscribe = f"/u/{tokens.sign_token(delivery.pk, Purpose.UNSUBSCRIBE)}"
    page = anybody.get(unsubscribe, headers={"accept-language": browser}).content.decode()
    assert f'<html lang="{lang}">' in page
    assert word in page
    assert f'<html lang="{lang}">' in anybody.get(path, headers={"accept-language": browser}).content.decode()
    assert translation.get_language() == "en", "the next page is somebody else's"


def test_every_text_of_these_pages_is_in_both_catalogues():
    base = configured.BASE_DIR
    pages = ["customers", "unsubscribe", "preferences", "confirm_address", "_link_problem"]
    sources = [base / f"templates/mailing/{name}.html" for name in pages]
    sources += [
        base / f"mailing/{name}.py"
        for name in ("tracking", "unsubscribing", "preferences", "forms/preferences")
    ]
    texts = {found for path in sources for found in _list_texts(path.read_text())}
    assert len(texts) > 40
    for lang in ("de", "fr"):
        with translation.override(lang):
            same = [text for text in texts if translation.gettext(text) == text]
            assert same == [], lang


def _list_texts(source):
    yield from re.findall(r'{% translate "([^"]+)" %}', source)
    for text in re.findall(r"{% blocktranslate[^%]*%}(.*?){% endblocktranslate %}", source):
        yield re.sub(r"{{ (\w+) }}", r"%(\1)s", text)
    for call in re.findall(r'(?:gettext(?:_lazy)?|BadLink|mark)\(\s*((?:"[^"]*"\s*)+)\)', source):
        if "no connection is named" not in call:
            yield "".join(re.findall(r'"([^"]*)"', call)).replace("\\n", "\n")
