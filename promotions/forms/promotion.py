"""The form of a promotion. Each of the eight kinds has its own, built from parts."""

from collections.abc import Collection, Iterable, Iterator

from django.http import QueryDict

from campaigns.annotations import Columns, RowOrKey
from campaigns.generics import FormData
from campaigns.requests import read_number
from promotions import types
from promotions.forms import window
from promotions.forms.part import FormPart
from promotions.forms.parts import PARTS, Identity
from promotions.models import Promotion

LATER_PARTS = ("when", "conditions", "hours", "with_others")  # what every kind asks after its own parts
COLUMNS = ("starts_at", "ends_at", "max_uses", "max_uses_per_customer", "priority", "trigger", "standalone")


class PromotionForm:
    """The form of a promotion: several parts over one set of names, checked and read together.

    `is_whole`: whether the form shows everything that the stored promotion says.
    """

    def __init__(
        self,
        type_: str,
        data: FormData = None,
        *,
        promotion: Promotion | None = None,
        asked: Collection[str] | None = None,
    ) -> None:
        """Make a form of the kind `type_`, filled in with `data` or with the stored `promotion`.

        `asked`: the keys of the parts that `data` answers; None: all.
        """
        self.type = type_
        self.kind = types.KINDS[type_]
        self.data = data
        self.promotion = promotion
        self.is_whole = True
        initial = self._read_stored(promotion) if promotion else {}
        if asked is not None and data is not None:
            initial |= data.dict()  # what parts of both kinds share
        names = [*self.kind.parts, *(name for name in LATER_PARTS if name not in self.kind.parts)]
        forms: list[type[FormPart]] = [Identity, *(PARTS[name] for name in names)]
        self.parts: list[FormPart] = [
            form(data if asked is None or form.key in asked else None, initial=initial) for form in forms
        ]
        for part in self.parts:
            part.is_advanced = part.key in LATER_PARTS and part.key not in self.kind.parts
        if not self.kind.has_items:
            self._drop("count_chosen")
        if self.type not in ("buy_get", "bundle"):
            self._drop("max_applications")
        if self.kind.always:
            self._drop("first_purchase")
        if promotion:
            self._drop("codes")
        for name in self.kind.requires:
            self._part_of(name).fields[name].required = True

    @classmethod
    def half_filled(
        cls, type_: str, data: QueryDict, *, promotion: Promotion | None = None
    ) -> "PromotionForm":
        """Return a form that is still being filled in, without errors.

        `data` may answer the parts of another kind (`has` names those it answers) and ask for one more row (`more`).
        """
        rows = data.get("more", "")
        if f"{rows}-TOTAL_FORMS" in data:
            data = with_more_rows(data, rows)
        form = cls(type_, data, promotion=promotion, asked=data.getlist("has"))
        for part in form.parts:
            part.forgive()
        return form

    def _read_stored(self, promotion: Promotion) -> Columns:
        said, self.is_whole = types.read_answers(self.type, terms_of_promotion(promotion))
        columns = {name: getattr(promotion, name) for name in COLUMNS} | window.window_to_the_minute(
            promotion
        )
        return {"name": promotion.name, "locations": list(promotion.locations.all()), **columns, **said}

    def _drop(self, name: str) -> None:
        for part in self.parts:
            part.fields.pop(name, None)

    def _part_of(self, name: str) -> FormPart:
        """Return the part with the field `name`; the first part for a name that no field has."""
        return next((part for part in self.parts if name in part.fields), self.parts[0])

    def __iter__(self) -> Iterator[FormPart]:
        return iter(self.parts)

    @property
    def simple_parts(self) -> list[FormPart]:
        """The parts with fields that are always seen."""
        return [part for part in self.parts if not part.is_advanced]

    @property
    def advanced_parts(self) -> list[FormPart]:
        """The parts with fields under Advanced, which opens when one of them is filled in or wrong."""
        return [part for part in self.parts if part.advanced_fields]

    @property
    def is_advanced_open(self) -> bool:
        return any(part.is_advanced_filled for part in self.parts)

    @property
    def label(self) -> str:
        return str(Promotion.Type(self.type).label)

    @property
    def is_bound(self) -> bool:
        return self.data is not None

    @property
    def missing(self) -> list[str]:
        """The labels of the fields that are not filled in yet."""
        labels = []
        for part in self.parts:
            labels += [
                part[name].label if name in part.fields else part.heading
                for name in part.errors
                if not part.is_typed(name)
            ]
            if part.rows is not None and not part.rows.is_valid():
                labels.append(part.heading)
        return [str(label) for label in dict.fromkeys(labels)]

    @property
    def wrong(self) -> list[str]:
        """A sentence for each wrong value, with the label of its field."""
        return [
            f"{part[name].label}: {' '.join(map(str, said))}"
            for part in self.parts
            for name, said in part.errors.items()
            if part.is_typed(name)
        ]

    def is_valid(self) -> bool:
        """Return whether all parts are valid, each alone and together."""
        if False in [part.is_valid() for part in self.parts]:  # each is asked: all errors are shown at once
            return False
        try:
            self.terms()
        except ValueError as wrong:  # what only the engine's own checks see
            self.parts[1].add_error(None, str(wrong))
            return False
        return True

    @property
    def answers(self) -> Columns:
        return {name: value for part in self.parts for name, value in part.cleaned_data.items()}

    def terms(self) -> types.Terms:
        """Return the conditions, target, benefit and the rest, as the columns of `Promotion` keep them."""
        return types.make_terms(self.type, self.answers)

    def columns(self) -> Columns:
        """Return all columns of the promotion, without the locations."""
        said, terms = self.answers, self.terms()
        columns = {"name": said["name"], "type": self.type, **{name: said[name] for name in COLUMNS}}
        if self.promotion:
            columns = window.keep_seconds(columns, self.promotion)
            stored_as = terms_of_promotion(self.promotion)
            if types.is_same(terms, stored_as):  # what means the same stays as it was written
                terms = stored_as
        return columns | terms

    @property
    def number_of_codes(self) -> int:
        """How many random codes are to be made for a new promotion that applies with one."""
        said = self.answers
        return (said.get("codes") or 0) if said["trigger"] == Promotion.Trigger.COUPON else 0

    @property
    def locations(self) -> Iterable[RowOrKey]:
        chosen: Iterable[RowOrKey] = self.answers["locations"]
        return chosen

    def refuse(self, reasons: list[tuple[str, str]]) -> None:
        """Show why the promotion could not be saved, each reason at its field."""
        for name, sentence in reasons:
            part = self._part_of(name)
            part.add_error(name if name in part.fields else None, sentence)


def terms_of_promotion(promotion: Promotion) -> types.Terms:
    """Return the stored terms of a promotion, by column."""
    return {column: getattr(promotion, column) for column in types.COLUMNS}


def with_more_rows(data: QueryDict, prefix: str) -> QueryDict:
    """Return the typed `data` with one more empty row of `prefix` (parts, tiers)."""
    more = data.copy()
    total = more.get(f"{prefix}-TOTAL_FORMS", "")
    more[f"{prefix}-TOTAL_FORMS"] = str(read_number(total) + 1)
    return more
