"""Finds the best deal among the promotions of one best-of group, in which each unit gets one of them at most.

Promotions on single units compete for each batch of units. Promotions that combine units, or may reach a limit, are
tried in sequences: each takes its units by its own rule from those that are left. When there are few sequences, the
search tries all. It asks for at most `MAX_TRIALS` claims, the best ones first, so with many promotions it finds a good
deal, not always the best one.
"""

from promotions.engine.allocation import Number
from promotions.engine.benefits import UnitBenefit
from promotions.engine.claims import Claim, LevelContext
from promotions.engine.clamp import SaleLimits, wish_within_cap
from promotions.engine.compiled import CompiledPromotion
from promotions.engine.conditions import Refusal
from promotions.engine.rules import WHOLE
from promotions.engine.units import Batch

MAX_TRIALS = 400


class Contender:
    """A promotion that takes part.

    `wish`: what it would give without rivals; `refusal`: why it would give nothing. `able`: it may give something after
    rivals have taken units, since its wish may then fit a limit, or its bundle have dearer units.
    """

    __slots__ = ("able", "mask", "promotion", "refusal", "wish")

    def __init__(self, promotion: CompiledPromotion, mask: int) -> None:
        self.promotion = promotion
        self.mask = mask
        self.wish = 0
        self.refusal: Refusal | None = None
        self.able = False


Deal = list[tuple[Contender, Claim]]
Actor = tuple[Contender, ...]
"""One promotion, or several that compete for each unit."""


def mark_given(claim: Claim, group: str) -> None:
    """Mark each unit of `claim` as given to a promotion by `group`."""
    for batch in (*claim.pieces, *(claim.used or ())):
        batch.groups |= {group}


def unmark_given(claim: Claim, group: str) -> None:
    """Remove the mark of a group from all units of a claim."""
    for batch in (*claim.pieces, *(claim.used or ())):
        batch.groups -= {group}


def find_best_deal(contenders: list[Contender], context: LevelContext, sale_limits: SaleLimits) -> Deal:
    """Return what each of `contenders` (of one group, in the order of application) gives in the best deal found."""
    limited = False
    for contender in contenders:
        limited |= _ask_alone(contender, context, sale_limits)
    able = [contender for contender in contenders if contender.able]
    if len(able) > 1:
        competitors = tuple(_drop_repeats([contender for contender in able if _per_unit(contender)]))
        if len(competitors) == len(able) and not limited:
            deal = _give_to_highest(competitors, context)
            if _afford(deal, sale_limits)[1]:
                return deal
        sequence = _Search(able, competitors, context, sale_limits).sequence
        return _apply_sequence(sequence, context, sale_limits)[0]
    return [
        (contender, claim) for contender in able if isinstance(claim := _claim(contender, context), Claim)
    ]


def _ask_alone(contender: Contender, context: LevelContext, sale_limits: SaleLimits) -> bool:
    """Set `wish` and `refusal` of each contender; return whether a limit binds."""
    claim = _claim(contender, context)
    if isinstance(claim, Refusal):
        contender.refusal = claim
        contender.able = claim.reason == "no_value" and not contender.promotion.benefit.per_unit
        return False
    contender.able = True
    wish = wish_within_cap(contender.promotion, claim)
    if not wish:
        contender.refusal = Refusal("no_value")
        return False
    afforded = sale_limits.afford(contender.promotion, wish)
    if isinstance(afforded, Refusal):
        contender.refusal = afforded
        return True
    contender.wish = afforded[0]
    return afforded[1] is not None or contender.promotion.cap is not None


def _claim(contender: Contender, context: LevelContext) -> Claim | Refusal:
    promotion = contender.promotion
    return promotion.benefit.claim(context, contender.mask, promotion.group)


def _per_unit(contender: Contender) -> bool:
    return contender.promotion.benefit.per_unit and contender.promotion.cap is None


def _drop_repeats(contenders: list[Contender]) -> list[Contender]:
    """Keep only the contender of its first campaign for each promotion."""
    return list({contender.promotion.number: contender for contender in reversed(contenders)}.values())[::-1]


def _give_to_highest(competitors: Actor, context: LevelContext) -> Deal:
    """Give each batch of units to the promotion that gives most on it; if several do, to the first."""
    group = competitors[0].promotion.group
    union = 0
    for contender in competitors:
        union |= contender.mask
    won: dict[int, list[Batch]] = {}
    kinds = context.units.kinds
    for batch in context.units.find_open(union, group, spare_bought=context.spare_bought):
        kind = kinds[batch.kind]
        best_place = -1
        best_share: Number = 0
        for place, contender in enumerate(competitors):
            benefit = contender.promotion.benefit
            if contender.mask >> batch.kind & 1 and isinstance(benefit, UnitBenefit):
                share = benefit.share(batch, kind) * (WHOLE // benefit.scale)
                if share > best_share:
                    best_place, best_share = place, share
        if best_place >= 0:
            won.setdefault(best_place, []).append(batch)
    deal = []
    for place in sorted(won):
        benefit = competitors[place].promotion.benefit
        if isinstance(benefit, UnitBenefit):
            claim = benefit.on(context, won[place])
            if isinstance(claim, Claim):
                deal.append((competitors[place], claim))
    return deal


def _afford(deal: Deal, sale_limits: SaleLimits) -> tuple[int, bool]:
    """Return what `deal` gives within the limits, in the order of application, and whether no limit binds."""
    sale_limits = sale_limits.copy()
    total, free = 0, True
    for contender, claim in sorted(deal, key=lambda one: one[0].promotion.rank):
        promotion = contender.promotion
        wish = wish_within_cap(promotion, claim)
        afforded = sale_limits.refusal(promotion) or (
            sale_limits.afford(promotion, wish) if wish else (0, None)
        )
        if isinstance(afforded, Refusal):
            free = False
            continue
        total += afforded[0]
        free &= afforded[1] is None
        if afforded[0]:
            sale_limits.spend(promotion, afforded[0])
    return total, free


def _apply_sequence(
    sequence: tuple[Actor, ...], context: LevelContext, sale_limits: SaleLimits
) -> tuple[Deal, int]:
    """Return the deal of a sequence and its amount. Its units stay marked."""
    deal: Deal = []
    for actor in sequence:
        for contender, claim in _claims_of(actor, context):
            mark_given(claim, contender.promotion.group or "")
            deal.append((contender, claim))
    deal.sort(key=lambda one: one[0].promotion.rank)
    return deal, _afford(deal, sale_limits)[0]


def _claims_of(actor: Actor, context: LevelContext) -> Deal:
    if len(actor) > 1:
        return _give_to_highest(actor, context)
    claim = _claim(actor[0], context)
    return [(actor[0], claim)] if isinstance(claim, Claim) else []


def _share_a_promotion(one: Actor, other: Actor) -> bool:
    names = {contender.promotion.number for contender in one}
    return not names.isdisjoint(contender.promotion.number for contender in other)


class _Search:
    """Searches the sequences of actors depth first, the larger wishes first, so that a bounded search ends well."""

    def __init__(
        self, able: list[Contender], competitors: Actor, context: LevelContext, sale_limits: SaleLimits
    ) -> None:
        self._ground = context
        self._sale_limits = sale_limits
        self._trials = 0
        self._group = able[0].promotion.group or ""
        self._union = 0
        for contender in able:
            self._union |= contender.mask
        self._best: tuple[int, list[int]] | None = None
        self.sequence: tuple[Actor, ...] = ()
        actors: list[Actor] = [(contender,) for contender in able]
        if len(competitors) > 1:
            actors.append(competitors)
        self._descend((), [], actors)

    def _descend(self, sequence: tuple[Actor, ...], deal: Deal, actors: list[Actor]) -> None:
        moves = []
        for actor in actors:
            if self._trials >= MAX_TRIALS:
                break
            self._trials += 1
            claims = _claims_of(actor, self._ground)
            if claims:
                total, _ = _afford([*deal, *claims], self._sale_limits)
                moves.append((total, actor, claims))
        moves.sort(key=lambda move: -move[0])
        for total, actor, claims in moves:
            self._keep_better((*sequence, actor), [*deal, *claims], total)
        for total, actor, _ in moves:
            if self._trials >= MAX_TRIALS:
                return
            # Asked anew: trials since may have split the batches of the claim above.
            claims = _claims_of(actor, self._ground)
            for _, claim in claims:
                mark_given(claim, self._group)
            others = [one for one in actors if not _share_a_promotion(one, actor)]
            if others and total + self._room_left() > self._total:
                self._descend((*sequence, actor), [*deal, *claims], others)
            for _, claim in claims:
                unmark_given(claim, self._group)

    @property
    def _total(self) -> int:
        return 0 if self._best is None else -self._best[0]

    def _room_left(self) -> int:
        open_ = self._ground.units.find_open(self._union, self._group, spare_bought=self._ground.spare_bought)
        return sum([batch.rest - batch.low for batch in open_])

    def _keep_better(self, sequence: tuple[Actor, ...], deal: Deal, total: int) -> None:
        """Keep the deal if it is better: by value, then priority, then fewer promotions, then id."""
        ranks = sorted([contender.promotion.rank for contender, _ in deal])
        key = (-total, ranks)
        if self._best is None or key < self._best:
            self._best, self.sequence = key, sequence
