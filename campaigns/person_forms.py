"""The forms of people in the workspace: inviting somebody, and what somebody may do."""

from django import forms
from django.contrib.auth.models import Group, User
from django.utils.translation import gettext_lazy as _

from campaigns import accounts, roles
from campaigns.annotations import Columns
from campaigns.forms import Refusable
from campaigns.generics import FormData, ModelMultipleChoiceField


class RoleField(ModelMultipleChoiceField[Group]):
    """A choice among roles, each by its name in the language of the page."""

    def label_from_instance(self, role: Group) -> str:
        return roles.name_role(role.name)


class RightsForm(Refusable, forms.Form):
    """The roles that somebody has, of those that the one who asks may give; and whether they may export contacts."""

    fields: Columns
    roles = RoleField(
        label=_("Roles"),
        queryset=Group.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"}),
        help_text=_("Only roles that you could have yourself."),
    )
    exports = forms.BooleanField(
        label=_("May export contacts as files, whatever the roles"),
        required=False,
        help_text=_("Marketers and administrators may by their role. Without the tick an analyst may not."),
    )

    def __init__(self, data: FormData = None, *, by: User, person: User | None = None) -> None:
        initial: Columns = {}
        if person:
            initial = {"roles": list(person.groups.all()), "exports": accounts.has_own_export(person)}
        super().__init__(data, initial=initial)
        self.fields["roles"].queryset = accounts.grantable_groups(by).order_by("name")


class InvitationForm(RightsForm):
    """Who is invited."""

    username = forms.CharField(label=_("Username"), max_length=150)
    email = forms.EmailField(label=_("E-mail"), help_text=_("The link to set a password is sent there."))
    first_name = forms.CharField(label=_("First name"), max_length=150, required=False)
    last_name = forms.CharField(label=_("Last name"), max_length=150, required=False)
    field_order = ["username", "email", "first_name", "last_name", "roles", "exports"]
