"""The kinds of promotion, as pages offer them."""

from promotions import types
from promotions.models import Promotion


def list_kinds() -> list[dict[str, str]]:
    """Return the eight kinds of promotion to choose from: `type`, `label` and `summary`."""
    return [
        {"type": type_, "label": str(Promotion.Type(type_).label), "summary": str(kind.summary)}
        for type_, kind in types.KINDS.items()
    ]
