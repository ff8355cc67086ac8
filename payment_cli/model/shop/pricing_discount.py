"""What the store's discounts take off the lines of a cart; the rules are told in discount.py.

The result is the same whatever order the discounts come in. A rule's part of an amount is rounded
half-up to the fen once, then split over its lines by largest remainder.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from payment_cli.model.money import WHOLE_BP, at_rate, div_half_up, same_currency, split, to_yuan
from payment_cli.model.shop.discount import Discount, Mode, Tier
from payment_cli.model.shop.order_line import OrderLine
from payment_cli.model.shop.pricing_step import Step, StepKind


@dataclass(slots=True)
class _Cart:
    """The lines while discounts are applied: which were made cheaper, which are closed."""

    lines: list[OrderLine]
    reduced: set[int] = field(default_factory=set)
    closed: set[int] = field(default_factory=set)


def apply_discounts(
    lines: Sequence[OrderLine], discounts: Iterable[Discount], *, currency: str, now: int
) -> tuple[tuple[OrderLine, ...], tuple[tuple[Discount, int], ...], tuple[Step, ...]]:
    """Return the lines with their discounts, the discounts that took something, and all steps.

    With each discount that applied comes what it took, in fen. `now` is AMS.
    """
    cart = _Cart(list(lines))
    used: list[tuple[Discount, int]] = []
    steps = []
    for discount in sorted(discounts, key=lambda each: (each.priority, each.id)):
        reason = _why_not(discount, currency, now)
        step = _step(discount, reason) if reason else _apply(discount, cart)
        steps.append(step)
        if step.taken:
            used.append((discount, step.taken))
    return tuple(cart.lines), tuple(used), tuple(steps)


def _why_not(discount: Discount, currency: str, now: int) -> str:
    if not discount.is_live:
        return "it was deleted"
    if now < discount.start_at:
        return "it has not started"
    if discount.dis_expi and now > discount.dis_expi:
        return "it has ended"
    if not same_currency(discount.dis_currency, currency):
        return f"it is in {discount.dis_currency}, the order in {currency}"
    return ""


def _apply(discount: Discount, cart: _Cart) -> Step:
    covered = [i for i, line in enumerate(cart.lines) if discount.covers(line.id, line.cat)]
    if not covered:
        return _step(discount, "none of its goods are in the cart")
    barred = cart.closed if discount.stack else cart.closed | cart.reduced
    chosen = [i for i in covered if i not in barred]
    if not chosen:
        return _step(discount, "another discount works alone on its goods")
    lines = [cart.lines[i] for i in chosen]
    tier, note = _reached(discount, lines)
    if tier is None:
        return _step(discount, note)
    offs = _offs(discount, tier, lines)
    if not any(offs):
        return _step(discount, "it takes nothing off")
    return _take(discount, cart, dict(zip(chosen, offs, strict=True)), note)


def _reached(discount: Discount, lines: Sequence[OrderLine]) -> tuple[Tier | None, str]:
    """Return the highest tier that the goods it is for reach, and why in words."""
    amount = sum(line.paid for line in lines)
    count = sum(line.w_buy_num for line in lines)
    reached = [t for t in discount.tiers if amount >= t.thres and count >= t.count]
    have = f"its goods are {to_yuan(amount)} in {count} pieces"
    if reached:
        tier = max(reached, key=lambda each: (each.thres, each.count))
        return tier, f"{_words(discount, tier)}; {have}"
    lowest = min(discount.tiers, key=lambda each: (each.thres, each.count))
    return None, f"below its threshold of {_threshold(lowest)}; {have}"


def _offs(discount: Discount, tier: Tier, lines: Sequence[OrderLine]) -> list[int]:
    """Return what each line gets off, in fen."""
    if discount.dis_mode is Mode.NTH:
        return _nth_offs(discount.nth, tier.off_bp, lines)
    left = [line.paid for line in lines]
    whole = sum(left)
    return split(min(whole, tier.off or at_rate(whole, tier.off_bp)), left)


def _nth_offs(nth: int, off_bp: int, lines: Sequence[OrderLine]) -> list[int]:
    """Take the rate off every n-th piece, counting the dearest pieces first.

    With two pieces and "the second at half price", the cheaper one is the second.
    """
    offs = [0] * len(lines)
    seen = 0
    for i in sorted(range(len(lines)), key=lambda i: (-lines[i].w_price, i)):
        line = lines[i]
        hits = (seen + line.w_buy_num) // nth - seen // nth
        seen += line.w_buy_num
        offs[i] = div_half_up(line.paid * hits * off_bp, line.w_buy_num * WHOLE_BP)
    return offs


def _take(discount: Discount, cart: _Cart, offs: dict[int, int], note: str) -> Step:
    for i, off in offs.items():
        cart.lines[i] = replace(cart.lines[i], w_discount=cart.lines[i].w_discount + off)
    cart.reduced.update(offs)
    if not discount.stack:
        cart.closed.update(offs)
    by_line = tuple(offs.get(i, 0) for i in range(len(cart.lines)))
    return _step(discount, note, taken=sum(by_line), by_line=by_line)


def _step(discount: Discount, note: str, *, taken: int = 0, by_line: tuple[int, ...] = ()) -> Step:
    return Step(StepKind.DISCOUNT, discount.id, discount.dis_nm, note, taken, by_line)


def _words(discount: Discount, tier: Tier) -> str:
    effect = f"{to_yuan(tier.off)} off" if tier.off else f"{to_yuan(tier.off_bp)} % off"
    if discount.dis_mode is Mode.NTH:
        effect += f" every {discount.nth}. piece"
    threshold = _threshold(tier)
    return f"{effect} from {threshold}" if threshold else effect


def _threshold(tier: Tier) -> str:
    thres = to_yuan(tier.thres) if tier.thres else ""
    count = f"{tier.count} pieces" if tier.count else ""
    return " and ".join(str(part) for part in (thres, count) if part)
