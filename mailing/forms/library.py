"""Forms of pictures, templates and blocks."""

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.annotations import Argument, CleanedData, ColumnValue
from campaigns.forms import Refusable
from campaigns.generics import ModelForm
from campaigns.texts import is_blank
from mailing.library.pictures import MOST_BYTES
from mailing.models import Block, MailTemplate, Picture
from mailing.models.library import ReusableContent

ALT_HELP = gettext_lazy(
    "What the picture shows, for people who do not see it and for programs that block it."
)


class PictureFileField(forms.FileField):
    """A picture of at most MOST_BYTES. Whether it is one is seen when it is read, not by its name."""

    def __init__(self, **kwargs: Argument) -> None:
        kwargs.setdefault(
            "widget", forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/gif,image/webp"})
        )
        super().__init__(**kwargs)

    def clean(self, data: ColumnValue, initial: ColumnValue = None) -> ColumnValue:
        file = super().clean(data, initial)
        if isinstance(file, UploadedFile) and (file.size or 0) > MOST_BYTES:
            raise forms.ValidationError(
                _("The picture has %(size)s MB; at most %(most)s are taken: make it smaller.")
                % {"size": (file.size or 0) // 2**20, "most": MOST_BYTES // 2**20}
            )
        return file


class PictureForm(Refusable, ModelForm[Picture]):
    """What a stored picture is called, and what it shows."""

    is_decoration = forms.BooleanField(
        label=gettext_lazy("It is only decoration and says nothing"), required=False
    )

    class Meta:
        model = Picture
        fields = ["name", "alt"]
        help_texts = {"alt": ALT_HELP}

    COLUMNS = tuple(Meta.fields)

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["is_decoration"] = not self.instance.alt

    def clean(self) -> CleanedData:
        """Ask for the alt text, unless the picture says nothing."""
        cleaned = super().clean() or {}
        if cleaned.get("is_decoration"):
            cleaned["alt"] = ""
        elif not cleaned.get("alt") and "alt" not in self.errors:
            self.add_error("alt", _("Write what the picture shows, or tick that it is only decoration."))
        return cleaned


class NewPictureForm(PictureForm):
    """A picture to upload; it is called as its file unless a name is given."""

    file = PictureFileField(
        label=gettext_lazy("Picture"),
        help_text=gettext_lazy("PNG, JPEG, GIF or WebP, up to 10 MB. It is made at most 1,200 pixels wide."),
    )
    field_order = ["file", "alt", "is_decoration", "name"]

    def __init__(self, *args: Argument, **kwargs: Argument) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].required = False
        self.fields["name"].help_text = gettext_lazy("Leave blank for the name of the file.")

    def clean(self) -> CleanedData:
        """Call it as its file where no name is given."""
        cleaned = super().clean()
        if not cleaned.get("name") and (file := cleaned.get("file")):
            name = (file.name or "").rpartition(".")[0][:150]
            cleaned["name"] = _("Picture") if is_blank(name) else name
        return cleaned


BODY = forms.Textarea(attrs={"rows": 22, "class": "code", "spellcheck": "true"})


class ReusableForm(Refusable, ModelForm[ReusableContent]):
    """A template or a block."""


class MailTemplateForm(ReusableForm):
    """A template of a whole mail."""

    class Meta:
        model = MailTemplate
        fields = ["name", "description", "subject", "preheader", "body_format", "body"]
        widgets = {"body": BODY}


class BlockForm(ReusableForm):
    """A piece of a mail."""

    class Meta:
        model = Block
        fields = ["name", "kind", "description", "body_format", "body"]
        widgets = {"body": BODY}
        help_texts = {"body": gettext_lazy("In MJML: one section or more, as they stand within mj-body.")}
