"""One tree, seen by one caller: its settings, who acts, its storage, its gateway accounts."""

import os
import pwd
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from payment_cli import ids
from payment_cli.clock import Clock, system_clock
from payment_cli.config.settings import Settings, load_settings
from payment_cli.errors import ConfigError
from payment_cli.model.actor import Actor
from payment_cli.model.names import check_name

if TYPE_CHECKING:
    from pathlib import Path

    from payment_cli.services.payments.accounts import Accounts
    from payment_cli.services.stores.merchants import Merchants
    from payment_cli.storage.base import Storage


class Tree:
    """What every service is made of. Nothing is opened before it is needed.

    No dataclass: `pay get` makes none, and so need not import what makes them.
    """

    def __init__(
        self,
        root: "Path | str",
        domain: str = "",
        environ: Mapping[str, str] = MappingProxyType({}),
        clock: Clock = system_clock,
        new_id: Callable[[int], str] = ids.new_id,
        new_token: Callable[[], str] = ids.new_token,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """See the tree at `root`. `domain` "" leaves the caller to the environment."""
        #: The root as a text: what only opens it needs no pathlib, which costs some milliseconds.
        self.place = os.fspath(root)
        self.domain = domain
        self.environ = environ
        self.clock = clock
        self.new_id = new_id
        self.new_token = new_token
        self.sleep = sleep

    @cached_property
    def root(self) -> "Path":
        """Where the tree is."""
        from pathlib import Path

        return Path(self.place)

    @cached_property
    def settings(self) -> Settings:
        """The settings of the tree (etc/payment.toml)."""
        return load_settings(self.place)

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
        url = self.storage_url
        if url == "tree":
            from payment_cli.storage.tree import open_tree

            timeout_s = self.settings.lock_timeout_s
            return open_tree(self.place, self.clock, lock_timeout_s=timeout_s, say=_say)
        scheme, _, rest = url.partition(":")
        if scheme == "tinydb":
            from pathlib import Path

            from payment_cli.storage.tinydb import open_tinydb

            return open_tinydb(Path(rest) if rest else None, self.clock)
        # Not quoted: where a colon is missing, what is before the next one may be a password.
        raise ConfigError("that storage is not known", hint="tree or tinydb:FILE")

    @cached_property
    def storage_url(self) -> str:
        """Which storage the tree uses: `tree`, or a scheme and what it takes."""
        return self.environ.get("PAYMENT_STORAGE", "") or self.settings.storage.reveal() or "tree"

    @cached_property
    def accounts(self) -> "Accounts":
        """The gateway accounts of all merchants."""
        from payment_cli.config.accounts import TreeAccounts

        return TreeAccounts(self.root, self.settings, self.environ, self.clock)

    @cached_property
    def merchants(self) -> "Merchants":
        """The merchants of the tree."""
        from payment_cli.services.stores.merchants import Merchants

        return Merchants(self.root, self.actor, self.clock, self.new_id, self.has_target)

    def has_target(self, provider: str, domain: str, target: str) -> bool:
        """Whether a domain has a config of this name for a provider."""
        from payment_cli.config.targets import list_targets

        return any(found.name == target for found in list_targets(self.root, provider, domain))

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


def _say(sentence: str) -> None:
    """Tell people, beside what a command prints: on stderr, a server's log."""
    if sys.stderr is not None:
        sys.stderr.write(f"note: {sentence}\n")
