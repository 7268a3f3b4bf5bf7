"""The verbs of campaigns: how each is written on a button, in a sentence and in the history.

The models declare which steps a campaign can take, and when; this module has only the words. It has every verb of every
kind, and `duplicate` and `delete`, which are no steps but have buttons too.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from campaigns.annotations import Words


class Tone(StrEnum):
    """How strongly a button is drawn, and whether it warns."""

    PLAIN = "plain"
    MAIN = "main"
    CAUTION = "caution"  # an everyday button, but red where it is confirmed
    DANGER = "danger"  # red, and after all others


BUTTON_CLASSES = {Tone.MAIN: "btn-primary", Tone.DANGER: "btn-outline-danger"}
CONFIRMATION_CLASSES = {Tone.CAUTION: "btn-danger", Tone.DANGER: "btn-danger"}


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb in all forms in which pages write it."""

    name: str
    label: Words
    """On its button."""
    past: Words
    """In the history."""
    icon: str = "forward"
    tone: Tone = Tone.PLAIN
    asks: bool = False
    """Whether a question comes before it."""
    question: Words = ""
    """The title of the question, with {campaign} for its name; empty: the label with a question mark."""
    takes_reason: bool = False
    """Whether the question asks for a reason, which the history keeps."""
    outcome: Words = ""
    """What a campaign is after it; empty: its new status says so."""

    @property
    def words(self) -> str:
        """The verb within a sentence: "it cannot end early"."""
        return str(WORDS[self.name])

    @property
    def is_danger(self) -> bool:
        return self.tone == Tone.DANGER

    @property
    def button_class(self) -> str:
        return BUTTON_CLASSES.get(self.tone, "")

    @property
    def confirmation_class(self) -> str:
        return CONFIRMATION_CLASSES.get(self.tone, "btn-primary")

    def ask_about(self, campaign: object) -> str:
        """Return the title of the question before the step."""
        return str(self.question or gettext("%(label)s “{campaign}”?") % {"label": self.label}).format(
            campaign=campaign
        )


# after “it cannot”
WORDS = {
    "launch": pgettext_lazy("step", "launch"),
    "schedule": pgettext_lazy("step", "schedule"),
    "unschedule": pgettext_lazy("step", "unschedule"),
    "activate": pgettext_lazy("step", "activate"),
    "resume": pgettext_lazy("step", "resume"),
    "pause": pgettext_lazy("step", "pause"),
    "end_early": pgettext_lazy("step", "end early"),
    "cancel": pgettext_lazy("step", "cancel"),
    "archive": pgettext_lazy("step", "archive"),
    "unarchive": pgettext_lazy("step", "unarchive"),
    "begin_test": pgettext_lazy("step", "begin test"),
    "begin_waiting": pgettext_lazy("step", "begin waiting"),
    "choose_winner": pgettext_lazy("step", "choose winner"),
    "complete": pgettext_lazy("step", "complete"),
    "expire": pgettext_lazy("step", "expire"),
    "fail": pgettext_lazy("step", "fail"),
    "duplicate": pgettext_lazy("step", "duplicate"),
    "delete": pgettext_lazy("step", "delete"),
}
VERBS = {
    verb.name: verb
    for verb in (
        Verb("launch", gettext_lazy("Launch"), gettext_lazy("Launched"), "send", Tone.MAIN, asks=True),
        Verb(
            "schedule",
            gettext_lazy("Schedule"),
            gettext_lazy("Scheduled"),
            "calendar",
            question=gettext_lazy("Schedule “{campaign}”"),
        ),
        Verb("unschedule", "Unschedule", gettext_lazy("Put back to draft"), "calendar"),
        Verb("activate", gettext_lazy("Activate"), gettext_lazy("Activated"), "play", Tone.MAIN),
        Verb("resume", gettext_lazy("Resume"), gettext_lazy("Resumed"), "play", Tone.MAIN),
        Verb(
            "pause",
            gettext_lazy("Pause"),
            gettext_lazy("Paused"),
            "pause",
            Tone.MAIN,
            asks=True,
            takes_reason=True,
        ),
        Verb(
            "end_early",
            gettext_lazy("End Early"),
            gettext_lazy("Ended early"),
            "stop",
            Tone.CAUTION,
            asks=True,
            question=gettext_lazy("End “{campaign}” now?"),
            takes_reason=True,
        ),
        Verb(
            "cancel",
            gettext_lazy("Cancel campaign"),
            gettext_lazy("Cancelled"),
            "close",
            Tone.DANGER,
            asks=True,
            question=gettext_lazy("Cancel “{campaign}” for good?"),
            takes_reason=True,
        ),
        Verb(
            "archive",
            gettext_lazy("Archive"),
            gettext_lazy("Archived"),
            "archive",
            outcome=gettext_lazy("archived"),
        ),
        Verb(
            "unarchive",
            gettext_lazy("Unarchive"),
            gettext_lazy("Unarchived"),
            "archive",
            outcome=gettext_lazy("back in the list"),
        ),
        Verb("begin_test", gettext_lazy("Begin the A/B test"), gettext_lazy("Test begun")),
        Verb("begin_waiting", gettext_lazy("Wait for the winner"), gettext_lazy("Test sent")),
        Verb("choose_winner", gettext_lazy("Choose the winner"), gettext_lazy("Winner chosen")),
        Verb("complete", gettext_lazy("Complete"), gettext_lazy("Completed")),
        Verb("expire", gettext_lazy("Expire"), gettext_lazy("Expired")),
        Verb("fail", gettext_lazy("Fail"), gettext_lazy("Failed")),
        Verb("duplicate", gettext_lazy("Duplicate"), gettext_lazy("Duplicated"), "copy"),
        Verb("delete", gettext_lazy("Delete"), gettext_lazy("Deleted"), "delete", Tone.DANGER, asks=True),
    )
}
