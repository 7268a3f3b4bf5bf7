"""The views of the list of campaigns that people save for themselves: filters and order under a name."""

from django.contrib.auth.models import User
from django.utils.translation import gettext

from campaigns.models import SavedView
from campaigns.refusals import Refused

MOST = 30  # views of one person


def save_view(user: User, name: str, query: str) -> SavedView:
    """Save filters under a name; a view of that name is replaced.

    Raises:
        Refused: the name is empty or too long, or there are too many views.
    """
    name = " ".join(name.split())
    longest = SavedView._meta.get_field("name").max_length or 0
    if not name:
        raise Refused([("name", gettext("Write a name for the view."))])
    if len(name) > longest:
        raise Refused(
            [
                (
                    "name",
                    gettext("The name of a view has at most %(longest)s characters.") % {"longest": longest},
                )
            ]
        )
    others = SavedView.objects.filter(user=user).exclude(name=name)
    if others.count() >= MOST:
        raise Refused(gettext("You have %(most)s saved views already: delete one first.") % {"most": MOST})
    view, _ = SavedView.objects.update_or_create(user=user, name=name, defaults={"query": query})
    return view
