"""The section of the editor that holds the A/B test of a campaign."""

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.annotations import Argument, StoredValue
from campaigns.forms import Refusable
from campaigns.generics import ModelForm
from mailing.campaign_facts import TEST_FIELDS
from mailing.models import SplitTest
from mailing.models.email import STORED_LETTERS

LARGEST_WEIGHT = 1000
ROOM = {"subjects": 250, "from_names": 100}  # letters of one text


class Texts(forms.Widget):
    """Several controls with one name: one for each text, and an empty one, whose blank is no text."""

    def value_from_datadict(self, data: Argument, files: Argument, name: str) -> list[str]:
        texts = data.getlist(name) if hasattr(data, "getlist") else data.get(name) or []
        return [text for text in texts if text.strip()]


class TextsField(forms.Field):
    """A list of texts: of one line and at most so many letters each, or of many lines (`most` is None)."""

    widget = Texts

    def __init__(self, most: int | None = None, **kwargs: Argument) -> None:
        self.most = most
        super().__init__(required=False, **kwargs)

    def clean(self, value: list[str] | None) -> list[str]:
        """Return the texts with the ends of their lines as they are stored.

        Raises:
            ValidationError: one is too long.
        """
        texts = [text.replace("\r\n", "\n") for text in value or ()]
        if self.most is not None:
            texts = [text.strip() for text in texts]
        most = STORED_LETTERS if self.most is None else self.most
        for text in texts:
            if len(text) > most:
                raise ValidationError(
                    gettext("“%(text)s…” is longer than %(most)s characters.")
                    % {"text": text[:40], "most": most}
                )
        return texts


class WeightsField(forms.CharField):
    """Whole numbers separated by commas or blanks; a list."""

    def prepare_value(self, value: StoredValue) -> StoredValue:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: str | None) -> list[int]:
        """Read the numbers.

        Raises:
            ValidationError: something in it is no number.
        """
        words = super().clean(value).replace(",", " ").replace(";", " ").split()
        for word in words:
            is_plain = (
                word.isascii() and word.isdigit() and word == (word.lstrip("0") or "0")
            )  # 1,000 is no pair
            is_short = is_plain and len(word) <= len(str(LARGEST_WEIGHT))
            if not (is_short and int(word) <= LARGEST_WEIGHT):
                raise ValidationError(
                    gettext("“%(word)s” is not a weight: write whole numbers up to %(most)s.")
                    % {"word": word[:20], "most": LARGEST_WEIGHT}
                )
        return [int(word) for word in words]


class SplitTestForm(Refusable, ModelForm[SplitTest]):
    """Whether a campaign is tested, what its variants differ in, and how the winner is found."""

    prefix = "ab"
    is_on = forms.BooleanField(label=_("Try variants on a part of the recipients first"), required=False)
    subjects = TextsField(ROOM["subjects"], label=_("Other subjects"))
    from_names = TextsField(ROOM["from_names"], label=_("Other sender names"))
    bodies = TextsField(label=_("Other contents"))
    weights = WeightsField(
        required=False,
        help_text=_(
            "Only for a split by weights: one number for each variant, in the order of their letters, such as "
            "50, 30, 20."
        ),
    )

    class Meta:
        model = SplitTest
        fields = ["subjects", "from_names", "bodies", *TEST_FIELDS]
        labels = {
            "share_percent": _("Test group, percent of the recipients"),
            "share_number": _("Or a number of recipients"),
            "split": _("How the test group is split"),
            "winner_by": _("How the winner is chosen"),
            "when_undecided": _("If it is too early to tell"),
        }
        help_texts = {
            "share_percent": _("With 100 there is no rest, and no winner is chosen."),
            "wait": _("Between the last mail of the test and the choice."),
            "winner_by": _("Only actions of people count."),
            "when_undecided": _("What to do when no variant is clearly the best."),
        }

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound:
            self.initial["is_on"] = not self.instance._state.adding
        elif self.is_switched_on:
            self._fill_in_defaults()

    def _fill_in_defaults(self) -> None:
        """Give the fields that were not there when the test was switched on the values they begin with."""
        missing = [name for name in TEST_FIELDS if self.add_prefix(name) not in self.data]
        typed: Argument = self.data
        filled = typed.copy()
        for name in missing:
            value = getattr(self.instance, name)
            if value is not None and not isinstance(value, list):
                filled[self.add_prefix(name)] = str(value)
        self.data = filled

    def full_clean(self) -> None:
        """Check the other fields only when the test is switched on."""
        super().full_clean()
        if self.is_bound and not self.is_switched_on and self.errors:
            self._errors = type(self.errors)()

    @property
    def is_switched_on(self) -> bool:
        return bool(self.data.get(self.add_prefix("is_on")))

    def split_tests(self) -> list[SplitTest]:
        """Return the typed test as an unsaved row without a campaign; an empty list when it is switched off."""
        if not self.is_switched_on:
            return []
        return [SplitTest(**{name: self.cleaned_data[name] for name in self.Meta.fields})]

    def read_typed_test(self) -> SplitTest | None:
        """Return an unsaved test with the fields that can be read; None when it is switched off."""
        if not self.is_switched_on:
            return None
        self.is_valid()
        read = getattr(self, "cleaned_data", {})
        return SplitTest(
            **{name: read[name] for name in ("subjects", "from_names", "bodies") if name in read}
        )
