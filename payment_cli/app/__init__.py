"""The one place that reads the environment and picks storage, gateways and services.

Everything is made on first use, and heavy modules are imported where they are needed: a command
pays only for what it touches.
"""

import os
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from payment_cli.app.payments import PaymentServices

if TYPE_CHECKING:
    from datetime import tzinfo

    from payment_cli.app.shop import Shop
    from payment_cli.app.upkeep import Upkeep
    from payment_cli.model.query.times import TimeReader
    from payment_cli.services.follow_up import FollowUp
    from payment_cli.services.stores.sessions import WebSessions
    from payment_cli.services.stores.zones import Zones


class App(PaymentServices):
    """One tree, seen by one caller, with all its services."""

    @cached_property
    def shop(self) -> "Shop":
        """The shop's services."""
        from payment_cli.app.shop import Shop

        return Shop(self)

    @cached_property
    def upkeep(self) -> "Upkeep":
        """What looks after the tree."""
        from payment_cli.app.upkeep import Upkeep

        return Upkeep(self)

    @cached_property
    def web_sessions(self) -> "WebSessions":
        """The web sessions of stores."""
        from payment_cli.config.web_keys import TreeWebKeys
        from payment_cli.services.stores.sessions import WebSessions

        keys = TreeWebKeys(self.root, self.new_token)
        find = self.merchants.get
        storage = lambda: self.storage  # noqa: E731 - opened when a session is
        return WebSessions(self.actor, self.clock, self.new_token, find, keys, storage)

    @cached_property
    def follow_up(self) -> "FollowUp":
        """What follows after a commit that settled a payment."""
        from payment_cli.services.follow_up import FollowUp

        return FollowUp(
            self.storage,
            self.clock,
            lambda: self.shop.outbox,
            lambda: self.applier,
            lambda order_id: self.shop.order_payments.list(order_id),
            self.start,
        )

    @cached_property
    def zones(self) -> "Zones":
        """The time zones of the stores and of the tree."""
        from payment_cli.services.stores.zones import Zones

        return Zones(lambda: self.storage, self.merchants.get, self.settings.timezone)

    def zone(self, store: str = "") -> "tzinfo":
        """Return the time zone of a store, of the caller's own unless another is named."""
        return self.zones.of(store or self.actor.domain)

    def times(self, store: str = "") -> "TimeReader":
        """Return what reads the times that are typed: from now on, in the zone of a store."""
        from payment_cli.model.query.times import TimeReader

        return TimeReader(self.clock(), lambda: self.zone(store))

    def acting_as(self, domain: str) -> "App":
        """Return this tree seen by another caller, over the same open storage and accounts.

        It is open as long as this one is; there is nothing of its own to close.
        """
        given = {name: value for name, value in vars(self).items() if not hasattr(type(self), name)}
        # Where a cached_property keeps what it made.
        kept = {"settings": self.settings, "storage": self.storage, "accounts": self.accounts}
        other = object.__new__(type(self))
        vars(other).update(given, domain=domain, **kept)
        return other


def open_app(root: str = "", domain: str = "") -> App:
    """Open the tree at --root, else PAYMENT_ROOT, else ~/.local/share/payment, as the user said."""
    environ = dict(os.environ)
    place = root or environ.get("PAYMENT_ROOT", "") or _default_root(environ)
    expanded = os.path.expanduser(place)  # noqa: PTH111 - no pathlib, see app/tree.py
    absolute = os.path.join(os.getcwd(), expanded)  # noqa: PTH109, PTH118
    return App(root=absolute, domain=domain, environ=environ)


def _default_root(environ: Mapping[str, str]) -> str:
    data_home = environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # noqa: PTH111
    return f"{data_home}/payment"
