"""The two tables of lifecycles.md, written down once more, by hand: state → verb → state."""

EMAIL = {
    "draft": {"schedule": "scheduled", "launch": "running"},
    "scheduled": {"unschedule": "draft", "launch": "running"},
    "running": {"pause": "paused", "complete": "completed", "fail": "failed", "cancel": "cancelled"},
    "paused": {"resume": "running", "cancel": "cancelled"},
    "completed": {"archive": "completed"},
    "failed": {},
    "cancelled": {"archive": "cancelled"},
}
PROMOTION = {
    "draft": {"schedule": "scheduled", "activate": "active"},
    "scheduled": {"activate": "active"},
    "active": {"pause": "paused", "expire": "expired", "end_early": "expired", "cancel": "cancelled"},
    "paused": {"resume": "active", "cancel": "cancelled"},
    "expired": {"archive": "expired"},
    "cancelled": {"archive": "cancelled"},
}
BY_SYSTEM = {"complete", "fail", "expire"}


def pairs(table):
    """Every (state, verb, state it leads to or None)."""
    verbs = sorted({verb for steps in table.values() for verb in steps})
    return [(state, verb, steps.get(verb)) for state, steps in table.items() for verb in verbs]
