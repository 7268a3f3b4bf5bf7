"""Labels of choices are Django's own, and cost one translation."""

import pytest
from django.apps import apps
from django.db.models import Model
from django.utils import translation

from campaigns.choice_labels import OURS
from promotions.models import Promotion

MODELS = [model for model in apps.get_models() if model._meta.app_label in OURS]


@pytest.mark.django_db  # defaults of some columns are the time of the database
@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_labels_are_those_of_django(language):
    compared = 0
    with translation.override(language):
        for model in MODELS:
            for field in (field for field in model._meta.fields if field.choices):
                for value in [*(value for value, _label in field.flatchoices), "no choice", "", None]:
                    row = model(**{field.attname: value})
                    told = getattr(row, f"get_{field.name}_display")()
                    assert told == Model._get_FIELD_display(row, field), (model, field.name, value)
                    assert type(told) is type(Model._get_FIELD_display(row, field))
                    compared += 1
    assert compared > 200


def test_a_label_is_translated_alone(monkeypatch):
    asked = []
    translate = translation._trans.gettext
    monkeypatch.setattr(
        translation._trans, "gettext", lambda message: asked.append(message) or translate(message)
    )
    with translation.override("de"):
        assert Promotion(type=Promotion.Type.ITEMS).get_type_display()
    assert len(asked) == 1
