"""The doctor: looks at a tree and says what is wrong, before a payment finds out. No network.

Every check gives findings, and none stops the others. Nothing is repaired here. The tree's own
checks are in doctor_tree.py, those of payments in doctor_payments.py, those of a gateway account in
`gateways/<provider>/checkup.py`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from payment_cli.clock import Clock
from payment_cli.errors import InvalidValueError, PaymentError
from payment_cli.gateways.checkup import examine_notify_url
from payment_cli.gateways.provider import Account, Provider
from payment_cli.gateways.registry import configured_providers
from payment_cli.model.events.hook import HOOK
from payment_cli.model.finding import Finding, error, failed, ok, warn
from payment_cli.model.payments.pay_type import PAY_TYPES, PayType
from payment_cli.model.query.zones import find_zone
from payment_cli.model.record import Record
from payment_cli.model.stores.merchant import Merchant
from payment_cli.services.stores.sellers import wrong_sellers
from payment_cli.services.upkeep.doctor_files import examine_files
from payment_cli.services.upkeep.doctor_tree import MOUNTS, examine_left, examine_tree
from payment_cli.services.upkeep.doctor_web import examine_public_url, examine_shown

_Account = TypeVar("_Account", bound=Account)

_SETTINGS = "etc/payment.toml"

#: So many owed steps are told one by one.
OWED_MAX = 20


#: How an owed step says whose it is.
_WHOSE = (("payment", "payment"), ("order", "or_id"), ("store", "store"))


class Configs(Protocol):
    """The authored files of a tree, as `app` hands them over. Each method may raise ConfigError."""

    def public_url(self) -> str:
        """Read payment.toml, all of it, and return its `public_url`."""

    def timezone(self) -> str:
        """Return the `timezone` of payment.toml, "" if it has none."""

    def targets(self, provider: str) -> Sequence[tuple[str, str]]:
        """Return (domain, target) of every config there is for `provider`."""

    def account(self, provider: Provider[_Account], domain: str, target: str) -> _Account:
        """Read one target's config."""

    def notify_url(self, configured: str, pay_tp: str, domain: str, target: str) -> str:
        """Return the whole notify URL, as the provider will be told."""

    def domains(self) -> Sequence[str]:
        """Return the domains that are merchants."""

    def merchant(self, domain: str) -> Merchant:
        """Read one store_info.json."""


@dataclass(frozen=True, slots=True)
class Doctor:
    """Examines the tree at `root`.

    `probe_storage` opens the storage, reads from it, and returns a sentence about what it found
    (or raises a PaymentError: no journal beside the files, a foreign record, locked). `left_files`
    yields the paths of the files that are left to a foreign hand, `owed` the steps that could not
    be done yet (owed.py: shown), `examine_store` what there is to say of one store
    (doctor_stores.py). `more` are others who examine, by what they look at: the payments
    (doctor_payments.py), what sweeps put off (doctor_postponed.py), whether a backup is whole.
    `mounts` is where the machine lists its mounted file systems.
    """

    root: Path
    clock: Clock
    configs: Configs
    probe_storage: Callable[[], str]
    left_files: Callable[[], Iterable[str]]
    owed: Callable[[], Iterable[Record]]
    more: Mapping[str, Callable[[], Iterable[Finding]]]
    examine_store: Callable[[Merchant], Iterable[Finding]]
    mounts: Path = MOUNTS

    def examine(self) -> list[Finding]:
        """Return all findings: of the tree, the storage, the settings, the targets, the shops."""
        if not self.root.is_dir():
            hint = "the first command that records something makes it"
            return [warn("tree", f"there is no folder {self.root}", hint)]
        findings = list(examine_tree(self.root, self.clock, self.mounts))
        for subject, check in (
            ("storage", self._storage),
            ("owed", self._owed),
            *self.more.items(),
            (_SETTINGS, self._settings),
            ("targets", self._targets),
            ("merchants", self._merchants),
        ):
            try:
                findings.extend(check())
            except PaymentError as problem:
                findings.append(failed(subject, problem))
        return findings

    def _storage(self) -> Iterator[Finding]:
        yield ok("storage", self.probe_storage())
        yield from examine_left(self.left_files())

    def _owed(self) -> Iterator[Finding]:
        """Tell what could not be done, the first OWED_MAX of it."""
        owed = list(islice(self.owed(), OWED_MAX + 1))
        for step in owed[:OWED_MAX]:
            whose = [f"{name} {step[key]}" for name, key in _WHOSE if step[key]]
            yield warn(
                "owed",
                f"{step['what']} of {', '.join(whose)} could not be done: {step['re']}",
                f"mend it, then `{_again(step)}`; or `payment owed drop {step['id']}`",
            )
        if len(owed) > OWED_MAX:
            yield warn("owed", "there is more that could not be done", "payment owed list")

    def _settings(self) -> Iterator[Finding]:
        public_url = self.configs.public_url()
        if public_url:
            yield ok(_SETTINGS, f"callbacks arrive at {public_url}/pay/re")
            yield from examine_public_url(_SETTINGS, public_url)
        else:
            yield warn(
                _SETTINGS,
                "no public_url: providers can't call, unless a target says where",
                "without callbacks run `pay check --pending` often",
            )
        zone = self.configs.timezone()
        try:
            if zone:
                find_zone(zone)
        except InvalidValueError as problem:
            yield error(_SETTINGS, f"timezone: {problem}", problem.hint)

    def _targets(self) -> Iterator[Finding]:
        count = 0
        for provider in configured_providers():
            for domain, target in self.configs.targets(provider.name):
                count += 1
                yield from self._target(provider, domain, target)
        if not count:
            yield warn(
                "targets", "no gateway account is configured", "`pay sandbox init` makes some"
            )

    def _target(self, provider: Provider[_Account], domain: str, target: str) -> Iterator[Finding]:
        subject = f"{domain} {provider.name} {target}"
        try:
            account = self.configs.account(provider, domain, target)
        except PaymentError as problem:
            yield failed(subject, problem)
            return
        yield from provider.examine(subject, account, self.clock())
        longest = max((kind.name for kind in _called_back(provider.name)), key=len)
        try:
            url = self.configs.notify_url(account.notify_base, longest, domain, target)
        except PaymentError as problem:
            yield failed(subject, problem)
            return
        yield from examine_notify_url(subject, url, account.api_url)

    def _merchants(self) -> Iterator[Finding]:
        domains = self.configs.domains()
        if not domains:
            yield warn("merchants", "no domain sells yet", "payment store init NAME")
            return
        names = [provider.name for provider in configured_providers()]
        known = {name: set(self.configs.targets(name)) for name in names}
        bearers: dict[str, list[str]] = {}
        for domain in domains:
            try:
                merchant = self.configs.merchant(domain)
                bearers.setdefault(merchant.id, []).append(domain)
                yield from self._merchant(merchant, known)
            except PaymentError as problem:
                yield failed(f"{domain} store", problem)
        for store_id, stores in bearers.items():
            if len(stores) > 1:
                told = f"{', '.join(stores)} say the same id, {store_id[:40]!a}, in store_info.json"
                yield warn("merchants", told, "give all but one of them an id of their own")

    def _merchant(
        self, merchant: Merchant, known: Mapping[str, Collection[tuple[str, str]]]
    ) -> Iterator[Finding]:
        """See that what `sellers` names is configured, and look at the store."""
        subject = f"{merchant.domain} store"

        def has_target(provider: str, domain: str, target: str) -> bool:
            return (domain, target) in known[provider]

        wrong = list(wrong_sellers(merchant.domain, merchant.sellers, has_target))
        for sentence, hint in wrong:
            yield error(subject, sentence, hint)
        if not wrong:
            yield ok(subject, f"{merchant.title}, {len(merchant.sellers)} default targets")
        yield from self.examine_store(merchant)
        yield from examine_files(self.root, merchant.domain)
        yield from examine_shown(self.root, merchant.domain)


def _again(step: Record) -> str:
    """Return the command that tries an owed step again: a hook's run never does by itself."""
    is_hook = str(step["what"]).split()[0] == HOOK
    return f"payment hook again {step['id']}" if is_hook else "payment tick --all"


def _called_back(provider: str) -> list[PayType]:
    """Return the pay types of a provider that have callbacks."""
    return [kind for kind in PAY_TYPES.values() if kind.provider == provider and kind.has_callback]
