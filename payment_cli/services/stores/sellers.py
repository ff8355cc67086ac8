"""`sellers`, the default gateway targets of a store: is each one there? Asked when it is set, and
by the doctor."""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

from payment_cli.gateways.registry import configured_providers
from payment_cli.model.payments.pay_type import PAY_TYPES

#: Whether there is a config: of a provider, for a domain, called a target.
HasTarget: TypeAlias = Callable[[str, str, str], bool]


def wrong_sellers(
    domain: str, sellers: Mapping[str, str], has_target: HasTarget
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong, a sentence and a hint each: no such pay type, or no such target."""
    for key, target in sellers.items():
        kinds = [k for k in PAY_TYPES.values() if key in (k.name, k.family)]
        if not kinds:
            yield (
                f"sellers: no pay type is or begins with {key[:40]!a}",
                f"one of {', '.join(PAY_TYPES)}, or what some begin with",
            )
        for provider in configured_providers():
            name = provider.name
            if any(kind.provider == name for kind in kinds) and not has_target(
                name, domain, target
            ):
                yield (
                    f"sellers: {key} names {name} target {target}, which has no config",
                    f"home/{domain}/.payment/{name}/{target}/{name}.conf",
                )
