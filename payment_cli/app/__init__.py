"""The one place that reads the environment and picks storage, gateways and services.

Everything is made on first use, and heavy modules are imported where they are needed: a command
pays only for what it touches.
"""

import os
import pwd
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from payment_cli import ids
from payment_cli.clock import Clock, system_clock
from payment_cli.config.settings import Settings, load_settings
from payment_cli.errors import ConfigError
from payment_cli.model.actor import Actor
from payment_cli.model.names import check_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from payment_cli.app.shop import Shop
    from payment_cli.model.record import Record
    from payment_cli.services.consequences import Consequences
    from payment_cli.services.follow_up import FollowUp
    from payment_cli.services.payments.accounts import Accounts
    from payment_cli.services.payments.answers import Recorder
    from payment_cli.services.payments.apply import Applier, ScriptOutcome
    from payment_cli.services.payments.ask import Asker
    from payment_cli.services.payments.check import Checker
    from payment_cli.services.payments.close import Closer
    from payment_cli.services.payments.create import Creator
    from payment_cli.services.payments.lookup import Payments
    from payment_cli.services.payments.receive import Receiver
    from payment_cli.services.payments.resolve import Resolver
    from payment_cli.services.payments.send import Sender
    from payment_cli.services.payments.settlement import Settlement
    from payment_cli.services.payments.watch import Watcher
    from payment_cli.services.stores.merchants import Merchants
    from payment_cli.services.stores.sessions import WebSessions
    from payment_cli.services.upkeep.backup import Backup
    from payment_cli.services.upkeep.doctor import Doctor
    from payment_cli.services.upkeep.fsck import Fsck
    from payment_cli.services.upkeep.owed import OwedSteps
    from payment_cli.storage.base import Storage

#: Where refused callbacks are counted, relative to the root.
REFUSALS_PLACE = ".journal/refused.count"


class App:
    """One tree, seen by one caller.

    No dataclass: `pay get` makes none, and so need not import what makes them.
    """

    def __init__(
        self,
        root: Path,
        domain: str = "",
        environ: Mapping[str, str] = MappingProxyType({}),
        clock: Clock = system_clock,
        new_id: Callable[[int], str] = ids.new_id,
        new_token: Callable[[], str] = ids.new_token,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """See the tree at `root`. `domain` "" leaves the caller to the environment."""
        self.root = root
        self.domain = domain
        self.environ = environ
        self.clock = clock
        self.new_id = new_id
        self.new_token = new_token
        self.sleep = sleep

    @cached_property
    def settings(self) -> Settings:
        """The settings of the tree (etc/payment.toml)."""
        return load_settings(self.root)

    @cached_property
    def actor(self) -> Actor:
        """Who acts: --as, else PAYMENT_DOMAIN, else payment.toml, else the login name.

        Raises:
            ConfigError: it would be root without anybody having said so.
        """
        said = self.domain or self.environ.get("PAYMENT_DOMAIN", "") or self.settings.domain
        name = said or pwd.getpwuid(os.getuid()).pw_name
        if name == "root" and not said:
            raise ConfigError(
                "you are logged in as root, which sees every domain",
                hint="say --as DOMAIN or set PAYMENT_DOMAIN (--as root to mean it)",
            )
        check_name("domain", name)
        return Actor(name, is_operator=name == "root" or name in self.settings.operators)

    @cached_property
    def storage(self) -> "Storage":
        """The storage of the tree: PAYMENT_STORAGE, else payment.toml, else the tree itself."""
        url = self._storage_url
        if url == "tree":
            from payment_cli.storage.tree import open_tree

            return open_tree(self.root, self.clock, lock_timeout_s=self.settings.lock_timeout_s)
        scheme, _, rest = url.partition(":")
        if scheme == "tinydb":
            from payment_cli.storage.tinydb import open_tinydb

            return open_tinydb(Path(rest) if rest else None, self.clock)
        raise ConfigError(f"storage {scheme!a} is not known", hint="tree or tinydb:FILE")

    @cached_property
    def _storage_url(self) -> str:
        return self.environ.get("PAYMENT_STORAGE", "") or self.settings.storage.reveal() or "tree"

    def _require_tree(self) -> None:
        if self._storage_url != "tree":
            raise ConfigError("this storage has no files to look after", hint="only the tree has")

    @cached_property
    def accounts(self) -> "Accounts":
        """The gateway accounts of all merchants."""
        from payment_cli.config.accounts import TreeAccounts

        return TreeAccounts(self.root, self.settings, self.environ, self.clock)

    @cached_property
    def merchants(self) -> "Merchants":
        """The merchants of the tree."""
        from payment_cli.services.stores.merchants import Merchants

        return Merchants(self.root, self.actor, self.clock, self.new_id)

    @cached_property
    def settlement(self) -> "Settlement":
        """Turning verified money into state."""
        from payment_cli.services.payments.settlement import Settlement

        return Settlement(lambda: self.consequences)

    @cached_property
    def consequences(self) -> "Consequences":
        """What follows from paid, flagged, failed, cancelled."""
        from payment_cli.services.consequences import Consequences

        return Consequences(self.new_id)

    @cached_property
    def payments(self) -> "Payments":
        """Reading payments."""
        from payment_cli.services.payments.lookup import Payments

        return Payments(self.storage, self.actor, lambda: self.merchants.own().id)

    @cached_property
    def creator(self) -> "Creator":
        """Creating payments."""
        from payment_cli.files.authored import read_script
        from payment_cli.services.payments.create import Creator

        return Creator(
            self.storage,
            self.actor,
            self.clock,
            self.new_id,
            self.new_token,
            self.merchants.get,
            partial(read_script, self.root),
            self.settlement,
        )

    @cached_property
    def _recorder(self) -> "Recorder":
        from payment_cli.services.payments.answers import Recorder

        return Recorder(self.settlement)

    @cached_property
    def sender(self) -> "Sender":
        """Sending payments to gateways."""
        from payment_cli.services.payments.send import Sender

        return Sender(
            self.storage, self.payments, self.accounts, self._recorder, self.clock, self.new_token
        )

    @cached_property
    def checker(self) -> "Checker":
        """Asking gateways about payments."""
        from payment_cli.services.payments.check import Checker

        return Checker(self.storage, self.payments, self._asker, self._resolver, self.clock)

    @cached_property
    def closer(self) -> "Closer":
        """Closing payments at their gateways."""
        from payment_cli.services.payments.close import Closer

        return Closer(self.payments, self._asker, self._resolver)

    @cached_property
    def _asker(self) -> "Asker":
        from payment_cli.services.payments.ask import Asker

        return Asker(self.storage, self.actor.domain, self.accounts, self._recorder, self.clock)

    @cached_property
    def _resolver(self) -> "Resolver":
        from payment_cli.services.payments.resolve import Resolver

        return Resolver(self._asker, self.sender, self.new_token)

    @cached_property
    def watcher(self) -> "Watcher":
        """Watching a payment until it is done."""
        from payment_cli.services.payments.watch import Watcher

        return Watcher(self.payments, self.checker, self.closer, self.clock, self.sleep)

    @cached_property
    def receiver(self) -> "Receiver":
        """Receiving callbacks."""
        from payment_cli.services.payments.receive import Receiver
        from payment_cli.services.payments.refusals import count_refusal

        return Receiver(
            self.storage,
            self.payments,
            self.accounts,
            self._recorder,
            self.checker,
            self.clock,
            partial(count_refusal, self.root / REFUSALS_PLACE),
        )

    @cached_property
    def applier(self) -> "Applier":
        """Running the scripts of payments."""
        import socket

        from payment_cli.services.payments.apply import Applier

        return Applier(
            self.storage,
            self.payments,
            self.clock,
            self._run_script,
            f"{socket.gethostname()}:{os.getpid()}",
            self.settings.callback_timeout_s,
        )

    @cached_property
    def fsck(self) -> "Fsck":
        """Comparing the tree's files with its journal.

        Raises:
            ConfigError: the storage is another than the tree, and has no files.
        """
        from payment_cli.services.upkeep.fsck import Fsck

        self._require_tree()
        return Fsck(self.root, self.clock)

    @cached_property
    def backup(self) -> "Backup":
        """Copying the tree.

        Raises:
            ConfigError: the storage is another than the tree.
        """
        from payment_cli.services.upkeep.backup import Backup

        self._require_tree()
        return Backup(self.root)

    @cached_property
    def doctor(self) -> "Doctor":
        """Examining the tree, its settings and its accounts."""
        from payment_cli.config.authored_configs import TreeConfigs
        from payment_cli.files.authored import list_domains, read_store_info
        from payment_cli.model.query.match import everything
        from payment_cli.model.stores.merchant import Merchant
        from payment_cli.services.payments.refusals import read_refusals
        from payment_cli.services.upkeep.doctor import Doctor
        from payment_cli.storage.base import Collection

        def merchant(domain: str) -> Merchant:
            return Merchant.from_record(domain, read_store_info(self.root, domain))

        def probe() -> str:
            count = self.storage.count(Collection("payment"), everything())
            refused, reason = read_refusals(self.root / REFUSALS_PLACE)
            last = f", the last because {reason}" if reason else ""
            return f"{count} payments, {refused} callbacks refused since the tree was made{last}"

        def left() -> "Iterator[str]":
            return (file.path for file in self.storage.left())

        domains = partial(list_domains, self.root)
        configs = TreeConfigs(self.root, self.environ, domains, merchant)

        def owed() -> "Iterator[Record]":
            from payment_cli.services.upkeep.owed import OwedSteps

            everybody = Actor(self.actor.domain, is_operator=True)
            return OwedSteps(self.storage, everybody, self.clock).list(failed_only=True)

        return Doctor(self.root, self.clock, configs, probe, left, owed)

    @cached_property
    def owed_steps(self) -> "OwedSteps":
        """What commits owe and could not be done yet."""
        from payment_cli.services.upkeep.owed import OwedSteps

        return OwedSteps(self.storage, self.actor, self.clock)

    @cached_property
    def shop(self) -> "Shop":
        """The shop's services."""
        from payment_cli.app.shop import Shop

        return Shop(self)

    @cached_property
    def web_sessions(self) -> "WebSessions":
        """The web sessions of stores."""
        from payment_cli.config.web_keys import TreeWebKeys
        from payment_cli.services.stores.sessions import WebSessions

        keys = TreeWebKeys(self.root, self.new_token)
        return WebSessions(self.actor, self.clock, self.new_token, self.merchants.get, keys)

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

    def _run_script(self, script: bytes, record: "Record", domain: str) -> "ScriptOutcome":
        from payment_cli.files.authored import home
        from payment_cli.scripts.runner import run_script

        return run_script(
            script,
            record,
            home=home(self.root, domain),
            root=self.root,
            domain=domain,
            timeout_s=self.settings.callback_timeout_s,
            clock=self.clock,
        )

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

    def start(self, *words: str) -> None:
        """Start one of our commands in a process of its own, and return at once."""
        from payment_cli.scripts.detach import start_detached

        argv = [sys.executable, "-m", "payment_cli.cli.main", *words]
        argv += ["--root", str(self.root), "--as", self.actor.domain]
        with suppress(OSError):
            start_detached(argv, self.environ)

    def close(self) -> None:
        """Release what was opened."""
        if "storage" in self.__dict__:
            self.storage.close()


def open_app(root: str = "", domain: str = "") -> App:
    """Open the tree at --root, else PAYMENT_ROOT, else ~/.local/share/payment, as the user said."""
    environ = dict(os.environ)
    place = root or environ.get("PAYMENT_ROOT", "") or _default_root(environ)
    return App(root=Path(place).expanduser().absolute(), domain=domain, environ=environ)


def _default_root(environ: Mapping[str, str]) -> str:
    data_home = environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return f"{data_home}/payment"
