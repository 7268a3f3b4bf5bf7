"""The verbs of campaigns: how each is written on a button, in a sentence and in the history.

The models declare which steps a campaign can take, and when; this module has only the words. It has every verb of every
kind, and `duplicate` and `delete`, which are no steps but have buttons too.
"""

from dataclasses import dataclass
from enum import StrEnum


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
    label: str
    """On its button."""
    past: str
    """In the history."""
    icon: str = "forward"
    tone: Tone = Tone.PLAIN
    asks: bool = False
    """Whether a question comes before it."""
    question: str = ""
    """The title of the question, with {campaign} for its name; empty: the label with a question mark."""
    takes_reason: bool = False
    """Whether the question asks for a reason, which the history keeps."""
    outcome: str = ""
    """What a campaign is after it; empty: its new status says so."""

    @property
    def words(self) -> str:
        """The verb within a sentence: "it cannot end early"."""
        return self.name.replace("_", " ")

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
        return (self.question or f"{self.label} “{{campaign}}”?").format(campaign=campaign)


VERBS = {
    verb.name: verb
    for verb in (
        Verb("launch", "Launch", "Launched", "send", Tone.MAIN, asks=True),
        Verb("schedule", "Schedule", "Scheduled", "calendar", question="Schedule “{campaign}”"),
        Verb("unschedule", "Unschedule", "Put back to draft", "calendar"),
        Verb("activate", "Activate", "Activated", "play", Tone.MAIN),
        Verb("resume", "Resume", "Resumed", "play", Tone.MAIN),
        Verb("pause", "Pause", "Paused", "pause", Tone.MAIN, asks=True, takes_reason=True),
        Verb(
            "end_early",
            "End Early",
            "Ended early",
            "stop",
            Tone.CAUTION,
            asks=True,
            question="End “{campaign}” now?",
            takes_reason=True,
        ),
        Verb(
            "cancel",
            "Cancel campaign",
            "Cancelled",
            "close",
            Tone.DANGER,
            asks=True,
            question="Cancel “{campaign}” for good?",
            takes_reason=True,
        ),
        Verb("archive", "Archive", "Archived", "archive", outcome="archived"),
        Verb("unarchive", "Unarchive", "Unarchived", "archive", outcome="back in the list"),
        Verb("begin_test", "Begin the A/B test", "Test begun"),
        Verb("begin_waiting", "Wait for the winner", "Test sent"),
        Verb("choose_winner", "Choose the winner", "Winner chosen"),
        Verb("complete", "Complete", "Completed"),
        Verb("expire", "Expire", "Expired"),
        Verb("fail", "Fail", "Failed"),
        Verb("duplicate", "Duplicate", "Duplicated", "copy"),
        Verb("delete", "Delete", "Deleted", "delete", Tone.DANGER, asks=True),
    )
}
