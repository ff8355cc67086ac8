"""The shop's services, each made on first use."""

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from payment_cli.app import App
    from payment_cli.config.webhook_keys import TreeWebhookKeys
    from payment_cli.model.events.webhook_url import WebhookUrl
    from payment_cli.model.stores.session import Session
    from payment_cli.services.events.hooks import Hooks
    from payment_cli.services.events.notices import Notices
    from payment_cli.services.events.outbox import Outbox
    from payment_cli.services.shop.addresses import Addresses
    from payment_cli.services.shop.baskets import TreeBaskets
    from payment_cli.services.shop.coupons import Coupons
    from payment_cli.services.shop.discounts import Discounts
    from payment_cli.services.shop.favourites import Favourites
    from payment_cli.services.shop.goods import Goods
    from payment_cli.services.shop.goods_import import GoodsFiles
    from payment_cli.services.shop.order_log import OrderLog
    from payment_cli.services.shop.order_payments import OrderPayments
    from payment_cli.services.shop.orders import Orders
    from payment_cli.services.shop.stats import Stats
    from payment_cli.services.shop.storefront import Storefront
    from payment_cli.services.stores.setting_checks import SettingChecks
    from payment_cli.services.stores.settings import StoreSettingsService
    from payment_cli.services.stores.webhook_keys import WebhookKeyService


@dataclass(frozen=True)
class Shop:
    """The shop of one tree, seen by one caller."""

    app: "App"

    @cached_property
    def goods(self) -> "Goods":
        """The goods of the caller's store."""
        from payment_cli.services.shop.goods import Goods

        app = self.app
        return Goods(app.storage, app.actor, app.clock, app.new_id, app.merchants.get)

    @cached_property
    def goods_files(self) -> "GoodsFiles":
        """Importing and exporting goods."""
        from payment_cli.files.staging import Staging
        from payment_cli.services.shop.goods_import import GoodsFiles

        return GoodsFiles(self.goods, partial(Staging.opened, self.app.root))

    @cached_property
    def discounts(self) -> "Discounts":
        """The discounts of the caller's store."""
        from payment_cli.services.shop.discounts import Discounts

        app = self.app
        return Discounts(app.storage, app.actor, app.clock, app.new_id, app.merchants.get)

    @cached_property
    def coupons(self) -> "Coupons":
        """The coupons of the caller's store."""
        from payment_cli.services.shop.coupons import Coupons

        app = self.app
        return Coupons(app.storage, app.actor, app.clock, app.new_id, app.merchants.get)

    @cached_property
    def addresses(self) -> "Addresses":
        """The addresses kept by the caller's store."""
        from payment_cli.services.shop.addresses import Addresses

        app = self.app
        return Addresses(app.storage, app.actor, app.clock, app.new_id)

    @cached_property
    def settings(self) -> "StoreSettingsService":
        """The settings of stores."""
        from payment_cli.services.stores.settings import StoreSettingsService

        app = self.app
        return StoreSettingsService(app.storage, app.actor, app.clock, self.setting_checks)

    @cached_property
    def setting_checks(self) -> "SettingChecks":
        """What the settings of a store are checked against."""
        from payment_cli.files.authored import read_script
        from payment_cli.model.shop.freight_check import check_sheet
        from payment_cli.services.stores.setting_checks import SettingChecks
        from payment_cli.webhooks.address import require_public_number

        def require_webhook(domain: str, url: "WebhookUrl") -> None:
            is_private_allowed = self.app.settings.allow_private_webhooks
            require_public_number(url.host, allow_private=is_private_allowed)
            self._webhook_key_files.load(domain)

        return SettingChecks(partial(read_script, self.app.root), check_sheet, require_webhook)

    def baskets(self, domain: str) -> "TreeBaskets":
        """Return the baskets of a store."""
        from payment_cli.services.shop.baskets import TreeBaskets
        from payment_cli.services.stores.records import load_settings

        app = self.app
        kinds_max = load_settings(app.storage, domain).kinds_max
        return TreeBaskets(app.storage, app.clock, domain, kinds_max)

    @cached_property
    def favourites(self) -> "Favourites":
        """The favourites of the buyers of the caller's store."""
        from payment_cli.services.shop.favourites import Favourites

        app = self.app
        return Favourites(app.storage, app.clock, app.actor.domain)

    @cached_property
    def orders(self) -> "Orders":
        """The orders that the caller may see."""
        from payment_cli.services.shop.orders import Orders

        app = self.app
        return Orders(
            app.storage,
            app.actor,
            app.clock,
            app.new_id,
            app.merchants.get,
            lambda: app.consequences,
        )

    @cached_property
    def order_payments(self) -> "OrderPayments":
        """Paying, cancelling and expiring orders."""
        from payment_cli.services.shop.order_payments import OrderPayments

        app = self.app
        return OrderPayments(
            app.storage,
            self.orders,
            app.payments,
            app.creator,
            app.sender,
            app.checker,
            app.closer,
            lambda: app.consequences,
            app.clock,
            app.new_id,
            app.merchants.get,
        )

    @cached_property
    def notices(self) -> "Notices":
        """What stores' webhooks are owed."""
        from payment_cli.services.events.notices import Notices
        from payment_cli.services.shop.records import note_delivery
        from payment_cli.services.stores.records import load_settings
        from payment_cli.webhooks.sender import WebhookSender

        app = self.app
        sender = WebhookSender(allow_private=app.settings.allow_private_webhooks)
        load_keys = self._webhook_key_files.load
        return Notices(
            app.storage,
            app.actor,
            app.clock,
            app.new_token,
            lambda store: load_settings(app.storage, store).webhook_url,
            load_keys,
            partial(note_delivery, by=app.actor.domain),
            sender,
        )

    @cached_property
    def hooks(self) -> "Hooks":
        """Running the hooks of stores."""
        import os
        import socket

        from payment_cli.files.authored import read_hook
        from payment_cli.services.events.hooks import Hooks
        from payment_cli.services.shop.records import note_hook

        app = self.app
        return Hooks(
            app.storage,
            app.actor,
            app.clock,
            partial(read_hook, app.root),
            app.run_script,
            partial(note_hook, by=app.actor.domain),
            f"{socket.gethostname()}:{os.getpid()}",
            app.settings.callback_timeout_s,
        )

    @cached_property
    def webhook_keys(self) -> "WebhookKeyService":
        """The keys that sign webhooks."""
        from payment_cli.services.stores.webhook_keys import WebhookKeyService

        app = self.app
        return WebhookKeyService(app.actor, app.merchants.get, self._webhook_key_files)

    @cached_property
    def _webhook_key_files(self) -> "TreeWebhookKeys":
        from payment_cli.config.webhook_keys import TreeWebhookKeys

        return TreeWebhookKeys(self.app.root, self.app.new_token)

    @cached_property
    def outbox(self) -> "Outbox":
        """What commits owe: goods taken from baskets, and steps that could not be done in them."""
        from payment_cli.model.record import Record
        from payment_cli.services.events.outbox import BASKET_TAKE, OWED, Outbox
        from payment_cli.storage.base import Transaction

        def take_from_basket(tx: Transaction, row: Record) -> None:
            data = row["data"]
            assert isinstance(data, dict)  # noqa: S101 - written by services/consequences.py
            self.baskets(data["domain"]).take_in(tx, data["buyer"], data["take"])

        def do_owed(tx: Transaction, row: Record) -> None:
            app.consequences.retry(tx, row, now=app.clock(), by=app.actor.domain)

        app = self.app
        handlers = {BASKET_TAKE: take_from_basket, OWED: do_owed}
        return Outbox(app.storage, app.actor.domain, app.clock, handlers)

    @cached_property
    def stats(self) -> "Stats":
        """What was sold and paid."""
        from payment_cli.services.shop.stats import Stats

        return Stats(self.app.storage, self.app.actor, self.app.zones.of)

    @cached_property
    def order_log(self) -> "OrderLog":
        """What the log knows about orders."""
        from payment_cli.services.shop.order_log import OrderLog

        return OrderLog(self.app.storage)

    def storefront(self, session: "Session") -> "Storefront":
        """Return what a web session may do; the caller is its store."""
        from payment_cli.files.authored import read_messages
        from payment_cli.services.shop.session_view import SessionView
        from payment_cli.services.shop.storefront import Storefront

        app = self.app
        read = partial(read_messages, app.root)
        view = SessionView(session, app.storage, app.clock, app.merchants.get, read)
        return Storefront(view, self.order_payments, app.creator, app.sender, app.watcher)
