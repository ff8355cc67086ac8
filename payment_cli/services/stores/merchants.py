"""Merchants: making one, reading and changing its store_info.json (seed 000)."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from payment_cli.clock import Clock
from payment_cli.errors import ConflictError, InvalidValueError, NotFoundError
from payment_cli.files import authored
from payment_cli.files.safe_files import check_owner
from payment_cli.ids import NewId
from payment_cli.model.actor import Actor
from payment_cli.model.codec import decode_foreign_object
from payment_cli.model.names import check_name
from payment_cli.model.stores.merchant import SETTABLE_KEYS, Merchant

if TYPE_CHECKING:
    from payment_cli.model.stores.logo import Logo
    from payment_cli.services.stores.sellers import HasTarget


class Merchants(NamedTuple):
    """The merchants of one tree. `has_target` says which gateway accounts are configured."""

    root: Path
    actor: Actor
    clock: Clock
    new_id: NewId
    has_target: "HasTarget"

    def init(self, name: str, *, www: Path | None = None) -> Merchant:
        """Make the domain `name` a merchant; with `www`, its default home page is there.

        The web server runs as another user, who can't reach into the tree: so the folder is
        `www/NAME`, which that user may read, and `default_home` is a link to it.

        Raises:
            InvalidValueError: the name is no domain name, or `www` no folder, or one of the tree.
            NotAllowedError: the caller may not act for `name`.
            ConflictError: it is a merchant already, or `www/NAME` exists.
            OtherOwnerError: the tree is another user's.
        """
        check_name("domain", name)
        self.actor.require_seller(name)
        if name in authored.list_domains(self.root):
            raise ConflictError(f"{name} is a merchant already", hint="payment store show")
        merchant = Merchant(domain=name, id=self.new_id(self.clock()), title=name)
        if www is not None and not www.is_dir():
            raise InvalidValueError(f"{www} is not a folder")
        if www is not None and www.resolve().is_relative_to(self.root.resolve()):
            raise InvalidValueError(
                f"{www} is in the tree, which has keys", hint="a folder of the web server's"
            )
        check_owner(self.root)
        if www is None:
            authored.make_home_page(self.root, name)
        else:
            authored.publish_home_page(self.root, name, www / name)
        authored.write_store_info(self.root, name, merchant.to_record())
        return merchant

    def get(self, domain: str) -> Merchant:
        """Return the merchant of `domain`.

        Raises:
            NotFoundError: it has no `.store`; the hint says how to make one.
            ConfigError: its store_info.json is damaged.
        """
        return Merchant.from_record(domain, authored.read_store_info(self.root, domain))

    def show(self, domain: str) -> Merchant:
        """Return the merchant of `domain` to somebody who asks for it by name.

        Raises:
            NotFoundError: there is none that the caller may see. ConfigError: as `get`.
        """
        self.actor.require_store(domain)
        return self.get(domain)

    def logo(self, domain: str) -> "Logo":
        """Return the logo of a store.

        Raises:
            NotFoundError: it has none. ConfigError: it is none that can be shown.
        """
        from payment_cli.model.stores.logo import Logo  # only pages and the doctor need it

        data = authored.read_logo(self.root, domain)
        return Logo.from_bytes(data, f"home/{domain}/.store/{authored.LOGO}")

    def own(self) -> Merchant:
        """Return the caller's own merchant."""
        return self.get(self.actor.domain)

    def list(self) -> list[Merchant]:
        """Return the merchants the caller may see, by domain name."""
        names = authored.list_domains(self.root)
        if not self.actor.is_operator:
            names = [name for name in names if name == self.actor.domain]
        return [self.get(name) for name in names]

    def set(self, domain: str, key: str, value: str) -> Merchant:
        """Set one key of store_info.json; `sellers` takes JSON.

        Raises:
            InvalidValueError: not a key that can be set, not its kind of value, or `sellers` names
                a target that has no config.
            ConfigError: the file of the language `lang` is damaged.
            NotFoundError: there is no such merchant that the caller may see.
        """
        self.actor.require_store(domain)
        merchant = self.get(domain)
        change: dict[str, Any]
        if key == "sellers":
            change = {"sellers": self._sellers(domain, value)}
        elif key in SETTABLE_KEYS:
            change = {key: _plain(key, value)}
            if key == "lang":
                self._check_language(domain, value)
        else:
            raise InvalidValueError(
                f"{key!a} is not a key of a store", hint=f"one of {', '.join(SETTABLE_KEYS)}"
            )
        merchant = merchant._replace(**change)
        authored.write_store_info(self.root, domain, merchant.to_record())
        return merchant

    def _sellers(self, domain: str, text: str) -> dict[str, str]:
        from payment_cli.services.stores.sellers import wrong_sellers  # reading needs no providers

        typed = decode_foreign_object(text, "sellers")
        sellers = {key: check_name("target", str(value)) for key, value in typed.items()}
        for sentence, hint in wrong_sellers(domain, sellers, self.has_target):
            raise InvalidValueError(sentence, hint=hint)
        return sellers

    def _check_language(self, domain: str, lang: str) -> None:
        with suppress(NotFoundError):  # only names that begin with i18n: need the file
            authored.read_messages(self.root, domain, lang)


def _plain(key: str, value: str) -> str:
    if not value.strip() or len(value) > 128 or any(ord(c) < 32 for c in value):
        raise InvalidValueError(f"{key} must be 1 to 128 printable characters")
    if key == "currency" and value not in ("CNY", "RMB"):
        raise InvalidValueError(f"{value!a} is not a currency a store can use", hint="CNY")
    return value


#: Looks up a merchant by domain; what the payment services need of this module.
FindMerchant = Callable[[str], Merchant]
