"""The services of payments, each made on first use."""

import os
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING

from payment_cli.app.tree import Tree
from payment_cli.errors import CorruptRecordError, StorageError

if TYPE_CHECKING:
    from payment_cli.model.record import Record
    from payment_cli.services.consequences import Consequences
    from payment_cli.services.events.scripts import ScriptOutcome
    from payment_cli.services.payments.answers import Recorder
    from payment_cli.services.payments.apply import Applier
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


class PaymentServices(Tree):
    """What takes payments in one tree."""

    @cached_property
    def settlement(self) -> "Settlement":
        """Turning verified money into state."""
        from payment_cli.services.payments.settlement import Settlement

        return Settlement(lambda: self.consequences)

    @cached_property
    def consequences(self) -> "Consequences":
        """What follows from paid, flagged, failed, cancelled."""
        from payment_cli.services.consequences import Consequences

        def has_hook(store: str, event: str) -> bool:
            from payment_cli.files.authored import has_hook

            return has_hook(self.root, store, event)

        return Consequences(self.new_id, has_hook)

    @cached_property
    def payments(self) -> "Payments":
        """Reading payments."""
        from payment_cli.services.payments.lookup import Payments

        return Payments(self.storage, self.actor)

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

        return Watcher(
            self.payments,
            self.checker,
            self.closer,
            self.clock,
            self.sleep,
            self.settings.scan_reverse_s,
        )

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
            lambda reason: count_refusal(self.root, reason, self.clock()),
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
            self.run_script,
            f"{socket.gethostname()}:{os.getpid()}",
            self.settings.callback_timeout_s,
        )

    def run_script(self, script: bytes, record: "Record", domain: str) -> "ScriptOutcome":
        """Run a script of a domain, as its owner, within the time that scripts have.

        Raises:
            StorageError: nothing of it ran, for a reason that passes.
        """
        try:
            from payment_cli.files.authored import home
            from payment_cli.scripts.runner import run_script
        except (ImportError, OSError) as error:  # no descriptor is free to read them
            raise StorageError(f"could not start the script: {error}") from error

        return run_script(
            script,
            record,
            home=home(self.root, domain),
            root=self.root,
            domain=domain,
            timeout_s=self.settings.callback_timeout_s,
        )

    def sweep_script_files(self) -> None:
        """Remove the files of runs of scripts whose runner was killed; what can't be is left."""
        from payment_cli.scripts.workplace import sweep_workplaces

        with suppress(OSError, CorruptRecordError):
            sweep_workplaces(self.root)
