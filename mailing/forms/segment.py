"""The builder of a segment: its tree as fields of a form, and back. See mailing.segments for the tree."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from babel.numbers import get_currency_precision
from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy, pgettext_lazy

from campaigns.annotations import CleanedData, JsonObject
from campaigns.generics import FormData, ModelForm
from campaigns.stored_sentences import translate_stored
from campaigns.typed_numbers import describe_ambiguity, is_ambiguous
from mailing import audience
from mailing.models import Segment
from mailing.purchases import ARTICLES, LABELS, OFFERS
from mailing.rfm import CLASSES, QUINTILES
from mailing.segments import (
    DEEPEST_TREE,
    EVENTS,
    FIELDS,
    FLAGS,
    GROUPS,
    MOST_CONDITIONS,
    OPERATORS,
    PURCHASES,
    UNITS,
    WORKED_OUT,
)

ROOT = "t"
GROUP_WORDS = {
    "all": gettext_lazy("all of these"),
    "any": gettext_lazy("any of these"),
    "none": gettext_lazy("none of these"),
}
UNIT_WORDS = {
    "minute": pgettext_lazy("within some …", "minutes"),
    "hour": pgettext_lazy("within some …", "hours"),
    "day": pgettext_lazy("within some …", "days"),
    "month": pgettext_lazy("within some …", "months"),
    "year": pgettext_lazy("within some …", "years"),
}


@dataclass
class Leaf:
    """One condition as it stands in the form, complete or not. `what` is its kind and says which other fields count."""

    what: str = "field:city"
    name: str = ""  # of an attribute
    op: str = "equals"
    value: str = ""
    to: str = ""
    list: str = ""
    done: str = "yes"
    times: str = ""
    spent: str = ""
    currency: str = field(default_factory=lambda: settings.CURRENCY)
    amount: str = ""
    unit: str = "day"
    campaign: str = ""
    of: str = ""
    of_what: str = ""
    rfm: str = "champions"
    path: str = ""

    @property
    def kind(self) -> str:
        return self.what.partition(":")[0]

    def node(self) -> JsonObject:
        """Return its node of the tree. What is missing or wrong is found when the tree is compiled."""
        kind, _, name = self.what.partition(":")
        if kind == "list":
            return {"list": read_whole(self.list)}
        if kind == "rfm":
            return {"rfm": self.rfm}
        if kind == "flag":
            return {"field": name, "op": "equals", "value": self.value != "no"}
        if kind == "event":
            node: JsonObject = {"event": name, "done": self.done != "no"}
            if self.times:
                node["times"] = read_whole(self.times) or 0
            if self.spent and name == "bought":
                node |= {"spent": read_minor_units(self.spent, self.currency), "currency": self.currency}
            if self.amount:
                node["within"] = {"amount": read_whole(self.amount), "unit": self.unit}
            if self.of and name in PURCHASES and name != "first_bought":
                node["of"] = {self.of: self.of_what}
            if self.campaign and name not in PURCHASES:
                node["campaign"] = read_whole(self.campaign) or 0
            return node
        node = {"field": self.name if kind == "attribute" else name, "op": self.op}
        if self.op == "between":
            node["value"] = [self.value, self.to]
        elif self.op not in ("is_set", "is_not_set"):
            node["value"] = self.value
        return node


@dataclass
class Group:
    """Conditions and groups that one word joins: all, any or none of them must hold."""

    word: str = "all"
    children: "list[Leaf | Group]" = field(default_factory=list)
    path: str = ROOT

    @property
    def kind(self) -> str:
        return "group"

    def node(self) -> JsonObject:
        return {self.word: [child.node() for child in self.children]}


def read_whole(text: str) -> int | None:
    """Read a whole number; None for any other text."""
    return int(text) if re.fullmatch(r"\d{1,18}", text) else None


def read_minor_units(text: str, currency: str) -> int:
    """Read a typed amount such as 12.50 in minor units of `currency`; 0 for any other text, such as 1.000 euros."""
    places = get_currency_precision(currency)
    decimals = text.partition(".")[2]
    if not re.fullmatch(r"\d{1,12}(\.\d+)?", text, re.ASCII) or len(decimals) > places:
        return 0
    return int(Decimal(text).scaleb(places))


def _spent_fields(node: JsonObject) -> dict[str, str]:
    if "spent" not in node:
        return {}
    currency = node["currency"]
    amount = Decimal(node["spent"]).scaleb(-get_currency_precision(currency))
    return {"spent": f"{amount:f}", "currency": currency}


def _narrowing_fields(node: JsonObject) -> dict[str, str]:
    """Return the first thing that a purchase is narrowed to; the builder offers one."""
    return next(({"of": name, "of_what": str(value)} for name, value in (node.get("of") or {}).items()), {})


def build_from_tree(tree: JsonObject) -> Group:
    """Return the builder's fields for a stored tree."""
    found = _build_from_node(tree or {"all": []})
    return number_children(found if isinstance(found, Group) else Group(children=[found]))


def _build_from_node(node: JsonObject) -> Leaf | Group:
    for word in GROUPS:
        if word in node:
            return Group(word, [_build_from_node(child) for child in node[word]])
    if "list" in node:
        return Leaf(what="list", list=str(node["list"]))
    if "rfm" in node:
        return Leaf(what="rfm", rfm=str(node["rfm"]))
    if "event" in node:
        within = node.get("within") or {}
        return Leaf(
            what=f"event:{node['event']}",
            done="yes" if node.get("done", True) else "no",
            times=str(node.get("times", "")),
            **_spent_fields(node),
            amount=str(within.get("amount", "")),
            unit=within.get("unit", "day"),
            campaign=str(node.get("campaign") or ""),
            **_narrowing_fields(node),
        )
    name, op, value = node["field"], node.get("op", "equals"), node.get("value", "")
    if name in FLAGS:
        return Leaf(what=f"flag:{name}", value="yes" if value is (op == "equals") else "no")
    low, high = value if isinstance(value, list) else (value, "")
    if name in FIELDS or name in WORKED_OUT:
        return Leaf(what=f"field:{name}", op=op, value=str(low), to=str(high))
    return Leaf(what="attribute", name=name, op=op, value=str(low), to=str(high))


def build_from_data(data: Mapping[str, str]) -> Group:
    """Read the builder as it was sent: `t-group` is the root's word, `t-0-what` its first condition, and so on."""
    left = [MOST_CONDITIONS * 2]
    root = _build_from_fields(data, ROOT, 0, left)
    return number_children(root if isinstance(root, Group) else Group())


def _build_from_fields(
    data: Mapping[str, str], path: str, depth: int, left: list[int]
) -> Leaf | Group | None:
    left[0] -= 1
    # more than the tree's own check lets pass: it is not read to its end
    if depth > DEEPEST_TREE + 1 or left[0] < 0:
        return None
    if f"{path}-group" not in data:
        if f"{path}-what" not in data:
            return None
        names = [name for name in Leaf.__dataclass_fields__ if name != "path"]
        return Leaf(**{name: data[f"{path}-{name}"] for name in names if f"{path}-{name}" in data})
    word = data[f"{path}-group"]
    of_this = re.compile(rf"{re.escape(path)}-(\d{{1,4}})-(?:group|what)").fullmatch
    places = sorted({int(match[1]) for key in data if (match := of_this(key))})
    children = [_build_from_fields(data, f"{path}-{place}", depth + 1, left) for place in places]
    return Group(word if word in GROUPS else "all", [child for child in children if child])


def number_children(group: Group) -> Group:
    """Give everything below a group the path of its place; return the group."""
    for place, child in enumerate(group.children):
        child.path = f"{group.path}-{place}"
        if isinstance(child, Group):
            number_children(child)
    return group


def apply_button(root: Group, do: str) -> Group:
    """Do what a button of the builder says: "add PATH", "group PATH" or "remove PATH"; nothing for any other word."""
    action, _, path = do.partition(" ")
    for group in list_groups(root):
        if group.path == path and action == "add":
            group.children.append(Leaf())
        elif group.path == path and action == "group":
            group.children.append(Group("any", [Leaf()]))
        elif action == "remove":
            group.children = [child for child in group.children if child.path != path]
    return number_children(root)


def list_groups(root: Group) -> list[Group]:
    """Return the group and every group inside it."""
    return [
        root,
        *(deeper for child in root.children if isinstance(child, Group) for deeper in list_groups(child)),
    ]


def list_compared_texts(root: Group) -> list[str]:
    """Return what is typed into the builder to be compared by size."""
    leaves = [child for group in list_groups(root) for child in group.children if isinstance(child, Leaf)]
    sized = [leaf for leaf in leaves if leaf.op in ("greater_than", "less_than", "between")]
    return [text for leaf in sized if leaf.kind in ("field", "attribute") for text in (leaf.value, leaf.to)]


class SegmentForm(ModelForm[Segment]):
    """Name and tree; the tree is checked by compiling it."""

    at_till = forms.BooleanField(
        label=gettext_lazy("Also a customer group at the till"),
        required=False,
        help_text=gettext_lazy(
            "Promotions can then be limited to its contacts that have a customer number. If all conditions "
            "are about purchases, it includes customers without an e-mail address, moments after each sale."
        ),
    )

    class Meta:
        model = Segment
        fields = ["name", "description", "is_active"]
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, data: FormData = None, *, instance: Segment | None = None) -> None:
        initial = {"at_till": bool(instance and instance.group_id)}
        super().__init__(data, instance=instance, initial=initial)
        self.root = build_from_data(data) if data is not None else build_from_tree(self.instance.tree)

    def clean(self) -> CleanedData:
        cleaned = super().clean() or {}
        for text in list_compared_texts(self.root):
            if is_ambiguous(text):
                raise forms.ValidationError(describe_ambiguity(text))
        try:
            audience.compile(self.root.node())
        except audience.SegmentError as error:
            raise forms.ValidationError(translate_stored(str(error))) from error
        self.instance.tree = self.root.node()
        return cleaned


CHOICES = {
    "words": GROUP_WORDS,
    "fields": FIELDS | WORKED_OUT,
    "flags": FLAGS,
    "operators": OPERATORS,
    "events": EVENTS,
    "units": {unit: UNIT_WORDS[unit] for unit in UNITS},
    "purchases": [f"event:{name}" for name in PURCHASES],
    "articles": {name: LABELS[name] for name in ARTICLES},
    "classes": {name: label for name, (label, *_) in CLASSES.items()},
    "quintiles": QUINTILES,
    "offers": {name: LABELS[name] for name in OFFERS},
}
