"""The form of a customer group."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.annotations import Columns
from campaigns.forms import Refusable
from campaigns.generics import FormData, ModelForm
from promotions.forms.fields import CodesField
from promotions.models import CustomerGroup


class GroupForm(Refusable, ModelForm[CustomerGroup]):
    """A group with its customers. The code of a stored group cannot be changed, since promotions may name it."""

    fields: Columns
    customers = CodesField(
        label=gettext_lazy("Customers"),
        widget=forms.Textarea(attrs={"rows": 12}),
        help_text=gettext_lazy("The customer ids of your tills, one per line or separated by commas."),
    )
    shown = CodesField(widget=forms.HiddenInput)
    """The customers that the form was filled with: somebody else may change them meanwhile."""

    class Meta:
        model = CustomerGroup
        fields = ["code", "name"]
        help_texts = {"code": gettext_lazy("What promotions and tills call it, such as vip.")}

    def __init__(self, data: FormData = None, *, instance: CustomerGroup) -> None:
        members = []
        if instance.pk and not instance.kept_by:
            members = list(instance.members.order_by("customer").values_list("customer", flat=True))
        initial = {"customers": "\n".join(members), "shown": ",".join(members)}
        super().__init__(data, instance=instance, initial=initial)
        self.fields["code"].disabled = bool(instance.pk)
        if instance.kept_by:
            del self.fields["customers"], self.fields["shown"]

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if "," in code:
            raise forms.ValidationError(_("A code has no comma."))
        return code
