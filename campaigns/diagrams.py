"""The lifecycle of each kind of campaign as a picture and a table, drawn from the transitions its model declares."""

from campaigns import lifecycle
from campaigns.annotations import Argument
from campaigns.models import Campaign, by_system

BEGINS, ENDS = "<!-- drawn: {kind} -->", "<!-- end: {kind} -->"


def draw_into(text: str) -> str:
    """Replace what stands between the marks of each kind in a Markdown text by its picture and table.

    Raises:
        ValueError: the text lacks the marks of a kind.
    """
    for kind, model in lifecycle.kinds().items():
        begins, ends = BEGINS.format(kind=kind), ENDS.format(kind=kind)
        before, has_begin, rest = text.partition(begins)
        _, has_end, after = rest.partition(ends)
        if not has_begin or not has_end:
            raise ValueError(f"The text must hold {begins} and {ends}.")
        text = f"{before}{begins}\n\n{draw_states(model)}\n\n{draw_table(model)}\n\n{ends}{after}"
    return text


def draw_states(model: type[Campaign]) -> str:
    """Draw the states and steps as a Mermaid state diagram, in a code block of Markdown."""
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Campaign.Status.DRAFT}"]
    for source, verb, target, _ in list_steps(model):
        lines.append(f"    {source} --> {target}: {verb}")
    lines += [f"    {state} --> [*]" for state in model.STATES if state in model.FINAL]
    return "\n".join([*lines, "```"])


def draw_table(model: type[Campaign]) -> str:
    """Draw the steps as a table of Markdown: verb, from, to, who takes it, what it does."""
    rows: dict[str, tuple[list[str], str, Argument]] = {}
    for source, verb, target, step in list_steps(model):
        rows.setdefault(verb, ([], target, step))[0].append(source)
    lines = ["| step | from | to | taken by | what it does |", "|---|---|---|---|---|"]
    for verb, (sources, target, step) in rows.items():
        taken_by = "the system" if step.permission is by_system else "a person, or the system"
        summary = (step.method.__doc__ or "").strip().splitlines()[0]
        lines.append(f"| `{verb}` | {', '.join(sources)} | {target} | {taken_by} | {summary} |")
    return "\n".join(lines)


def list_steps(model: type[Campaign]) -> list[tuple[str, str, str, Argument]]:
    """List the steps between two states as (from, verb, to, django-fsm's transition), in the order of the states."""
    steps = [
        (str(step.source), verb, str(step.target), step)
        for verb, description in lifecycle.steps(model()).items()
        for step in description.transitions.values()
        if step.target is not None and step.source != step.target
    ]
    states = [str(state) for state in model.STATES]
    return sorted(steps, key=lambda step: (states.index(step[0]), model.VERBS.index(step[1])))
