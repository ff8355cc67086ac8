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
        from payment_cli.model.stores.merchant import Merchant
        from payment_cli.services.upkeep.doctor import Doctor
        from payment_cli.services.upkeep.doctor_stores import StoreExaminer

        app = self.app

        def merchant(domain: str) -> Merchant:
            return Merchant.from_record(domain, read_store_info(app.root, domain))

        store = StoreExaminer(
            lambda: app.storage,
            app.shop.setting_checks,
            partial(read_messages, app.root),
            partial(list_hooks, app.root),
            partial(read_hook, app.root),
            app.clock,
        )
        return Doctor(
            app.root,
            app.clock,
            TreeConfigs(app.root, app.environ, partial(list_domains, app.root), merchant),
            self._probe,
            lambda: (file.path for file in app.storage.left()),
            self._all_owed,
            {
                "backup": lambda: self.backup.examine() if self._is_tree else (),
                "postponed": self._postponed,
                "payments": self._payments,
            },
            store.examine,
        )

    def _probe(self) -> str:
        from payment_cli.model.query.match import everything
        from payment_cli.services.payments.refusals import read_refusals
        from payment_cli.storage.base import Collection

        count = self.app.storage.count(Collection("payment"), everything())
        refused, reasons = read_refusals(self.app.root)
        why = f", the last because {'; others: '.join(map(str, reasons))}" if reasons else ""
        return f"{count} payments, {refused} callbacks refused since the tree was made{why}"

    def _all_owed(self) -> "Iterator[Record]":
        from payment_cli.services.upkeep.owed import OwedSteps

        return OwedSteps(self.app.storage, self._everybody, self.app.clock).list(failed_only=True)

    def _postponed(self) -> "Iterator[Finding]":
        from payment_cli.services.events.postponements import Postponements
        from payment_cli.services.upkeep.doctor_postponed import examine_postponed

        rows = Postponements(self.app.storage, self._everybody, self.app.clock).all()
        return examine_postponed(rows, self.app.clock())

    def _payments(self) -> "Iterator[Finding]":
        from payment_cli.services.upkeep.doctor_payments import examine_payments

        return examine_payments(self.app.storage, self.app.accounts)

    @property
    def _everybody(self) -> Actor:
        return Actor(self.app.actor.domain, is_operator=True)

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
