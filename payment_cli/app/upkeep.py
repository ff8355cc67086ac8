"""The services that look after a tree, each made on first use."""

from functools import cached_property, partial
from typing import TYPE_CHECKING

from payment_cli.errors import ConfigError
from payment_cli.model.actor import Actor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from payment_cli.app import App
    from payment_cli.model.finding import Finding
    from payment_cli.model.record import Record
    from payment_cli.services.payments.apply import Applier
    from payment_cli.services.upkeep.backup import Backup
    from payment_cli.services.upkeep.doctor import Doctor
    from payment_cli.services.upkeep.fsck import Fsck
    from payment_cli.services.upkeep.owed import OwedSteps
    from payment_cli.services.upkeep.tick import Ticker


class Upkeep:
    """The upkeep of one tree, seen by one caller."""

    def __init__(self, app: "App") -> None:
        """Look after the tree of `app`."""
        self.app = app

    @cached_property
    def fsck(self) -> "Fsck":
        """Comparing the tree's files with its journal.

        Raises:
            ConfigError: the storage is another than the tree, and has no files.
        """
        from payment_cli.services.upkeep.fsck import Fsck

        self._require_tree()
        return Fsck(self.app.root, self.app.clock)

    @cached_property
    def backup(self) -> "Backup":
        """Copying the tree.

        Raises:
            ConfigError: the storage is another than the tree.
        """
        from payment_cli.services.upkeep.backup import Backup

        self._require_tree()
        return Backup(self.app.root, self.app.clock)

    @cached_property
    def doctor(self) -> "Doctor":
        """Examining the tree, its settings and its accounts."""
        from payment_cli.config.authored_configs import TreeConfigs
        from payment_cli.files.authored import (
            list_domains,
            list_hooks,
            read_hook,
            read_messages,
            read_store_info,
        )
        from payment_cli.model.query.match import everything
        from payment_cli.model.stores.merchant import Merchant
        from payment_cli.services.payments.refusals import read_refusals
        from payment_cli.services.upkeep.doctor import Doctor
        from payment_cli.services.upkeep.doctor_stores import StoreExaminer
        from payment_cli.storage.base import Collection

        def merchant(domain: str) -> Merchant:
            return Merchant.from_record(domain, read_store_info(self.app.root, domain))

        def probe() -> str:
            count = self.app.storage.count(Collection("payment"), everything())
            refused, reason = read_refusals(self.app.root)
            last = f", the last because {reason}" if reason else ""
            return f"{count} payments, {refused} callbacks refused since the tree was made{last}"

        def left() -> "Iterator[str]":
            return (file.path for file in self.app.storage.left())

        domains = partial(list_domains, self.app.root)
        configs = TreeConfigs(self.app.root, self.app.environ, domains, merchant)

        def owed() -> "Iterator[Record]":
            from payment_cli.services.upkeep.owed import OwedSteps

            everybody = Actor(self.app.actor.domain, is_operator=True)
            return OwedSteps(self.app.storage, everybody, self.app.clock).list(failed_only=True)

        def payments() -> "Iterator[Finding]":
            from payment_cli.services.upkeep.doctor_payments import examine_payments

            return examine_payments(self.app.storage, self.app.accounts)

        store = StoreExaminer(
            lambda: self.app.storage,
            self.app.shop.setting_checks,
            partial(read_messages, self.app.root),
            partial(list_hooks, self.app.root),
            partial(read_hook, self.app.root),
            self.app.clock,
        )
        return Doctor(
            self.app.root,
            self.app.clock,
            configs,
            probe,
            left,
            owed,
            self._postponed,
            payments,
            store.examine,
            backup=lambda: self.backup.examine() if self._is_tree else (),
        )

    @cached_property
    def owed(self) -> "OwedSteps":
        """What commits owe and could not be done yet."""
        from payment_cli.services.upkeep.owed import OwedSteps

        return OwedSteps(self.app.storage, self.app.actor, self.app.clock)

    @property
    def _is_tree(self) -> bool:
        return self.app.storage_url == "tree"

    def _require_tree(self) -> None:
        if not self._is_tree:
            raise ConfigError("this storage has no files to look after", hint="only the tree has")

    def _postponed(self) -> "Iterator[Finding]":
        from payment_cli.services.events.postponements import Postponements
        from payment_cli.services.upkeep.doctor_postponed import examine_postponed

        everybody = Actor(self.app.actor.domain, is_operator=True)
        rows = Postponements(self.app.storage, everybody, self.app.clock).all()
        return examine_postponed(rows, self.app.clock())

    def _applier_after_sweep(self) -> "Applier":
        """Return what runs scripts, after what killed runs left in the tree is removed."""
        self.app.sweep_script_files()
        return self.app.applier

    @cached_property
    def ticker(self) -> "Ticker":
        """What has to be done from time to time."""
        from payment_cli.services.upkeep.tick import Ticker

        shop = self.app.shop
        return Ticker(
            shop.order_payments,
            shop.outbox,
            self._applier_after_sweep,
            lambda: shop.notices,
            lambda: shop.hooks,
        )
