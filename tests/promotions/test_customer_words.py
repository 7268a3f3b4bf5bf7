"""What a promotion does, for customers: in German and French too, or nothing where they have no words for it."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from promotions import customer_words
from tests.factories import PromotionFactory

TEA = {"match": {"categories": ["Tea", "Coffee"]}}
MONEY = {"type": "min_subtotal", "amount": 3000}


def write(language, **fields):
    promotion = PromotionFactory.build(**{"benefit": {"type": "percent", "percent": 1250}} | fields)
    promotion.group_names = {}
    with translation.override(language):
        return customer_words.write_sentence(promotion).replace("\xa0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(("fields", "german", "french"), [
    ({"level": "order"}, "12,5 % Rabatt auf den ganzen Einkauf.", "12,5 % de réduction sur tout l’achat."),
    ({"target": TEA}, "12,5 % Rabatt auf Tea, Coffee.", "12,5 % de réduction sur Tea, Coffee."),
    (
        {"conditions": [MONEY]},
        "12,5 % Rabatt auf alles, ab einem Einkauf von 30,00 €.",
        "12,5 % de réduction sur tout, dès 30,00 € d’achat.",
    ),
    (
        {"conditions": [{"type": "hours", "weekdays": [1, 5], "from": "10:00", "to": "12:00"}]},
        "12,5 % Rabatt auf alles, nur am Montag, Freitag von 10:00 bis 12:00 Uhr.",
        "12,5 % de réduction sur tout, uniquement lundi, vendredi de 10:00 à 12:00.",
    ),
    (
        {"caps": {"max_amount": 500}, "stacking": {"type": "exclusive"}},
        "12,5 % Rabatt auf alles; höchstens 5,00 € Rabatt je Einkauf; nicht mit anderen Aktionen zusammen.",
        "12,5 % de réduction sur tout; 5,00 € de réduction au plus par achat; non cumulable avec d’autres promotions.",
    ),
    (
        {"benefit": {"type": "fixed_price", "amount": 199}, "target": TEA},
        "Tea, Coffee für je 1,99 €.",
        "Tea, Coffee à 1,99 € l’unité.",
    ),
    (
        {"benefit": {"type": "buy_get", "buy": {"quantity": 2} | TEA, "get": {"quantity": 1} | TEA}},
        "2 kaufen, 1 gratis dazu: Tea, Coffee.",
        "2 achetés, 1 offerts : Tea, Coffee.",
    ),
])  # fmt: skip
def test_sentences_in_german_and_french(fields, german, french):
    assert (write("de", **fields), write("fr-ca", **fields)) == (german, french)


@pytest.mark.parametrize("fields", [
    {"target": TEA | {"max_units": 2}},
    {"target": {"match": {"categories": ["Tea"], "brands": ["Lux"]}}},
    {"target": {"match": {"categories": ["Tea"], "unit_price_min": 100}}},
    {"conditions": [{"type": "min_subtotal", "amount": 3000} | TEA]},
    {"benefit": {"type": "percent", "percent": "many"}},
])  # fmt: skip
def test_what_has_no_words_is_left_to_the_name(fields):
    assert write("de", **fields) == write("fr", **fields) == ""


def test_english_has_the_sentence_of_every_page():
    assert write("en", conditions=[MONEY]) == "12.5% off everything, on sales of €30.00 or more."


@pytest.mark.parametrize("language", ["de", "fr"])
def test_each_text_has_a_translation_with_the_same_places(language):
    source = Path(customer_words.__file__).read_text()
    for text in re.findall(r'gettext\("([^"]+)"\)', source):
        with translation.override(language):
            said = translation.gettext(text)
        assert said != text
        assert set(re.findall(r"%\(\w+\)s", said)) == set(re.findall(r"%\(\w+\)s", text))
    assert language in dict(settings.LANGUAGES)
