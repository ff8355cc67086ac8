"""The doctor's look at one store: what was right when it was written, and is stale now.

A script that was deleted, a part of a package that is in another currency by now, a sheet that
serves no route from where the store is: orders would find out one by one.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from payment_cli.errors import NotFoundError, PaymentError
from payment_cli.model.finding import Finding, error, ok, warn
from payment_cli.model.money import same_currency
from payment_cli.model.query.match import all_of, equal, one_of
from payment_cli.model.shop.address import AddressType
from payment_cli.model.shop.discount import Discount
from payment_cli.model.shop.freight_check import check_sheet, serves_from
from payment_cli.model.shop.live import LIVE
from payment_cli.model.shop.order_notice import NoticeType
from payment_cli.model.shop.words import doubtful
from payment_cli.model.stores.merchant import Merchant
from payment_cli.model.stores.settings import SETTINGS, StoreSettings
from payment_cli.services.shop.goods import find_exactly
from payment_cli.services.shop.records import load_discounts, products
from payment_cli.services.shop.ties import broken_goods
from payment_cli.services.stores.records import load_settings
from payment_cli.services.stores.setting_checks import SettingChecks
from payment_cli.storage.base import Collection, Query, Reader

#: So many findings of one sort are told one by one.
TOLD_MAX = 20


class StoreExaminer(NamedTuple):
    """Examines the stores of a tree.

    `read_messages(domain, lang)` reads the texts of a language (NotFoundError: there are none),
    `list_hooks(domain)` names what is in the folder of its hooks, `read_hook(domain, event)` reads
    one as it is read to be run.
    """

    reader: Callable[[], Reader]
    checks: SettingChecks
    read_messages: Callable[[str, str], object]
    list_hooks: Callable[[str], Sequence[str]]
    read_hook: Callable[[str, str], object]
    now: Callable[[], int]

    def examine(self, merchant: Merchant) -> Iterator[Finding]:
        """Yield what is wrong with the store of a merchant, or that nothing is.

        Raises:
            PaymentError: its records can't be read.
        """
        wrong = [
            *self._settings(merchant.domain),
            *self._language(merchant),
            *self._hooks(merchant.domain),
            *self._goods(merchant.domain),
            *self._words(merchant.domain),
            *self._discounts(merchant.domain),
        ]
        yield from wrong
        if not wrong:
            yield ok(f"{merchant.domain} store", "what its settings and goods name is there")

    def _settings(self, domain: str) -> Iterator[Finding]:
        subject = f"{domain} store"
        settings = load_settings(self.reader(), domain)
        for name in SETTINGS:
            try:
                self.checks.require(domain, name, settings)
            except PaymentError as problem:
                hint = problem.hint or f"payment store set {name} …"
                yield error(subject, f"{name}: {problem}", hint)
                continue
            if name == "freight_sheet":
                yield from self._route(domain, settings)

    def _route(self, domain: str, settings: StoreSettings) -> Iterator[Finding]:
        """See that the sheet serves what is sent from where the store is."""
        sheet = check_sheet(settings.freight_sheet)
        if sheet is None:
            return
        code = self._sends_from(domain)
        hint = "payment address add, without --buyer; payment address default ID"
        if code is None:
            yield error(f"{domain} store", "freight_sheet: the store sends from nowhere", hint)
        elif not serves_from(sheet, code):
            yield error(
                f"{domain} store", f"freight_sheet: no rule is for what is sent from {code}", hint
            )

    def _sends_from(self, domain: str) -> str | None:
        is_default = equal("dftaddr", True)  # noqa: FBT003
        match = all_of(equal("uid", ""), equal("tp", str(AddressType.SHOP)), is_default)
        found = self.reader().query(Collection("address", domain), Query(match, limit=1))
        return next((str(r.get("nm", "")).partition("_")[2] for r in found), None)

    def _language(self, merchant: Merchant) -> Iterator[Finding]:
        try:
            self.read_messages(merchant.domain, merchant.lang)
        except NotFoundError:
            return  # only names that begin with i18n: need it
        except PaymentError as problem:
            yield error(f"{merchant.domain} store", f"lang: {problem}", problem.hint)

    def _hooks(self, domain: str) -> Iterator[Finding]:
        for name in self.list_hooks(domain):
            if name in tuple(NoticeType):
                try:
                    self.read_hook(domain, name)
                except PaymentError as problem:
                    yield error(f"{domain} store", f"hook/{name}: {problem}", problem.hint)
            elif not name.startswith("."):
                hint = f"one of {', '.join(NoticeType)}"
                yield warn(f"{domain} store", f"hook/{name[:40]}: no event is called so", hint)

    def _goods(self, domain: str) -> Iterator[Finding]:
        subject = f"{domain} goods"
        broken = list(islice(broken_goods(self.reader(), domain), TOLD_MAX + 1))
        for name, problem in broken[:TOLD_MAX]:
            yield error(subject, str(problem), problem.hint or f"payment w set {name}")
        if len(broken) > TOLD_MAX:
            yield error(subject, "there are more that can't be sold", "payment doctor, again")

    def _words(self, domain: str) -> Iterator[Finding]:
        """Tell of fields of one's own that look like others: they were kept, and do nothing."""
        found: dict[tuple[str, str], list[str]] = {}
        for record in self.reader().query(products(domain), Query(equal("th_live", LIVE))):
            for pair in doubtful("thing", record):
                found.setdefault(pair, []).append(str(record.get("nm")))
        for (word, field), names in islice(sorted(found.items()), TOLD_MAX):
            where = f"{word} of {len(names)} goods, as of {names[0]},"
            yield warn(
                f"{domain} goods",
                f"{where} is a field of your own, not {field}",
                f"payment w set {names[0]} '{word}:null' --keep {word} removes it",
            )

    def _discounts(self, domain: str) -> Iterator[Finding]:
        told = 0
        for discount in load_discounts(self.reader(), domain):
            is_over = 0 < discount.dis_expi < self.now()
            reason = "" if is_over else self._why_not(domain, discount)
            if reason and told < TOLD_MAX:
                told += 1
                yield warn(
                    f"{domain} discounts",
                    f"discount {discount.dis_nm} ({discount.id}): {reason}",
                    f"payment d set {discount.id} …, or payment d rm {discount.id}",
                )

    def _why_not(self, domain: str, discount: Discount) -> str:
        """Return why a discount does not apply to what it is meant for, "" if nothing speaks so."""
        reader = self.reader()
        for product_id in discount.goods:
            product = find_exactly(reader, domain, product_id)
            if product is None or not product.is_live:
                return f"product {product_id if product is None else product.nm} was deleted"
            if not same_currency(product.w_currency, discount.dis_currency):
                sold_in = f"product {product.nm} is sold in {product.w_currency}"
                return f"it is in {discount.dis_currency}, {sold_in}"
        if discount.cats and not discount.goods:
            match = all_of(equal("th_live", LIVE), one_of("cat", discount.cats))
            if not list(reader.query(products(domain), Query(match, limit=1))):
                return f"nothing is in its categories: {', '.join(discount.cats)}"
        return ""
