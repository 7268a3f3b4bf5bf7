"""Two people edit the same row: the second to save is told what the first one changed, and no input is lost."""

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from campaigns import dates
from campaigns.editions import EditConflict
from campaigns.formats import person
from promotions import changes, models


def last_edit(edits: "QuerySet[models.Change]") -> int:
    """Return the edition of a row: the key of the last of its `edits`, 0 before the first."""
    return edits.values_list("pk", flat=True).order_by("-pk").first() or 0


def refuse_edit_conflict(edits: "QuerySet[models.Change]", seen: int | None, currency: str = "") -> None:
    """Refuse to overwrite a row that was edited since a form was shown.

    Args:
        edits: of the row, which is locked.
        seen: the edition that the form showed; None overwrites any.
        currency: of the amounts in the sentence.

    Raises:
        EditConflict: there is a later edition; it says who changed what.
    """
    if seen is None:
        return
    later = list(edits.filter(pk__gt=seen).select_related("by").order_by("pk"))
    if later:
        told = " ".join(_describe_edit(edit, currency) for edit in later)
        raise EditConflict(told, later[-1].pk)


def _describe_edit(edit: "models.Change", currency: str) -> str:
    detail = edit.detail.get("changed", {}) if edit.what == edit.What.CODE_EDITED else edit.detail
    lines = (
        changes.describe_changes(detail, currency)
        if edit.what in (edit.What.EDITED, edit.What.CODE_EDITED)
        else []
    )
    what = f" ({'; '.join(lines)})" if lines else ""
    at = dates.write_moment(edit.at)
    return _("%(change)s by %(person)s on %(at)s, while this form was open%(details)s.") % {
        "change": edit.get_what_display(),
        "person": person(edit.by) or _("the system"),
        "at": at,
        "details": what,
    }
