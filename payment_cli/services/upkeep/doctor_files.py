"""The doctor's look at files of a store that are read now and then: will they be believed?

What is read at every command it meets anyway; hooks are looked at where events are.
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from payment_cli.errors import InvalidValueError, NotFoundError, PaymentError
from payment_cli.files import authored
from payment_cli.files.key_file import KeyFile
from payment_cli.model.finding import Finding, error

#: The keys that a store may have.
_KEYS = ("web", "webhook")


def examine_files(root: Path, domain: str) -> Iterator[Finding]:
    """Yield which scripts, languages and keys of a store will be refused, and why."""
    reads: list[Callable[[], object]] = [
        partial(KeyFile(root, domain, name).read, "") for name in _KEYS
    ]
    try:
        reads += [
            partial(authored.read_script, root, domain, name)
            for name in authored.names_in(root, "home", domain, ".payment", "callback")
        ]
        reads += [
            partial(authored.read_messages, root, domain, name.removesuffix(".json"))
            for name in authored.names_in(root, "home", domain, ".store", "i18n")
            if name.endswith(".json")
        ]
    except PaymentError as problem:
        yield error(f"{domain} store", str(problem), problem.hint)
    for read in reads:
        try:
            read()
        except (NotFoundError, InvalidValueError):  # gone, or called as none that is read
            continue
        except PaymentError as problem:
            yield error(f"{domain} store", str(problem), problem.hint)
