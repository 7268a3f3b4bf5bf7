"""How each kind of field is drawn."""

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.test.html import parse_html

from campaigns import zones


class Everything(forms.Form):
    name = forms.CharField(help_text="As on the receipt.", widget=forms.TextInput(attrs={"class": "wide"}))
    kind = forms.ChoiceField(choices=[("a", "A")], required=False)
    active = forms.BooleanField(required=False)
    days = forms.MultipleChoiceField(choices=[("1", "Monday")], widget=forms.CheckboxSelectMultiple)
    page = forms.CharField(widget=forms.HiddenInput, required=False)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (
            "name",
            ['<label class="form-label required" for="id_name">Name</label>', 'class="form-control wide"'],
        ),
        ("name", ['aria-describedby="id_name_helptext"', '<div class="form-hint" id="id_name_helptext">']),
        ("kind", ['<label class="form-label" for="id_kind">Kind</label>', 'class="form-select"']),
        ("active", ['<label class="form-check mb-0" for="id_active">', 'class="form-check-input"']),
        (
            "days",
            ['<legend class="form-label required">Days</legend>', 'for="id_days_0"', "form-check-input"],
        ),
    ],
)
def test_a_field_has_label_control_and_hint(name, parts):
    drawn = str(Everything()[name].as_field_group())
    assert all(part in drawn for part in parts), drawn


def test_a_hidden_field_has_no_class_and_an_error_is_tied_to_its_field():
    form = Everything({"name": ""})
    assert "class" not in str(form["page"])
    drawn = str(form["name"].as_field_group())
    assert 'aria-invalid="true"' in drawn
    assert "This field is required." in drawn


@pytest.mark.parametrize(
    "control",
    [
        forms.Select(attrs={"id": "zone"}, choices=zones.list_choices()),
        forms.SelectMultiple(choices=[(1, "<One>"), ("Great", [(2, 'T"wo'), ("3", "Three")])]),
        forms.Select(attrs={"hidden": True, "required": False}, choices=[(True, "Yes"), ("", "No")]),
    ],
)
def test_a_control_with_choices_is_drawn_as_django_draws_it(control):
    for value in (None, "Europe/Berlin", ["3", "1"], True):
        drawn = control.render("name", value)
        assert parse_html(drawn) == parse_html(control.render("name", value, renderer=DjangoTemplates()))


@pytest.mark.parametrize(
    "control",
    [
        forms.TextInput(attrs={"id": 'x"<', "required": True, "hidden": False}),
        forms.NumberInput(attrs={"min": 1, "step": "0.01"}),
        forms.CheckboxInput(),
        forms.HiddenInput(),
        forms.DateInput(attrs={"type": "date"}),
        forms.TimeInput(format="%H:%M"),
    ],
)
@pytest.mark.parametrize("value", [None, "", '"><script>', 1000, True])
def test_a_control_of_one_line_is_drawn_as_django_draws_it(control, value):
    drawn = control.render("name", value)
    assert drawn.strip() == control.render("name", value, renderer=DjangoTemplates()).strip()
