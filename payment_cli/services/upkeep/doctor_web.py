"""The doctor's look at what a store shows to the world: its logo, its home page."""

import stat
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from payment_cli.errors import InvalidValueError, NotFoundError, PaymentError
from payment_cli.files import authored
from payment_cli.model.finding import Finding, error, ok, warn
from payment_cli.model.stores.logo import Logo

#: So many files of a home page are looked at.
FILES_MAX = 1000

_LOCAL = ("http://127.0.0.1", "http://localhost", "http://[::1]")


def examine_public_url(subject: str, public_url: str) -> Iterator[Finding]:
    """Yield what is wrong with an address that browsers are sent to."""
    if public_url.startswith("http:") and not public_url.startswith(_LOCAL):
        yield warn(
            subject,
            f"{public_url} is plain http: sessions of buyers and tills can be read on the way",
            "put a TLS proxy before the web server, and say https://",
        )


def examine_shown(root: Path, domain: str) -> Iterator[Finding]:
    """Yield what there is to say of what the store of `domain` shows."""
    subject = f"{domain} store"
    yield from _logo(root, domain, subject)
    place = authored.home_page(root, domain)
    try:
        yield from _home_page(place, subject)
    except OSError as problem:
        yield warn(subject, f"{place} can't be looked at: {problem.strerror}")


def _logo(root: Path, domain: str, subject: str) -> Iterator[Finding]:
    where = f"home/{domain}/.store/{authored.LOGO}"
    try:
        logo = Logo.from_bytes(authored.read_logo(root, domain), where)
    except (NotFoundError, InvalidValueError):
        return
    except PaymentError as problem:
        yield warn(subject, str(problem), f"a picture of at most {authored.LOGO_MAX >> 10} KiB")
        return
    yield ok(subject, f"logo: {logo.media_type}, {-(-len(logo.data) // 1024)} KiB")


def _home_page(place: Path, subject: str) -> Iterator[Finding]:
    """See that a web server of another user can read the home page, where it has one."""
    if not place.is_symlink():
        if place.is_dir() and any(place.iterdir()):
            yield warn(
                subject,
                f"{place} is within the tree, where a web server of another user can't read it",
                f"move it to DIR/NAME of the web server, and link it: ln -s DIR/NAME {place}",
            )
        return
    if not place.is_dir():
        yield error(subject, f"{place} leads to {place.readlink()}, which is no folder")
        return
    closed = next(_closed(place.resolve()), None)
    if closed is None:
        yield ok(subject, f"home page: {place.resolve()}")
        return
    yield warn(
        subject,
        f"the home page can't be read by a web server of another user: {closed} is closed to it",
        f"chmod o+rX {closed}" if closed.is_relative_to(place.resolve()) else f"chmod o+x {closed}",
    )


def _closed(folder: Path) -> Iterator[Path]:
    """Yield the folders on the way, the folder, and what is in it, that others may not read."""
    for above in reversed(folder.parents):
        if not above.stat().st_mode & stat.S_IXOTH:
            yield above
    for path in (folder, *islice(sorted(folder.rglob("*")), FILES_MAX)):
        wanted = stat.S_IROTH | stat.S_IXOTH if path.is_dir() else stat.S_IROTH
        if not path.is_symlink() and path.stat().st_mode & wanted != wanted:
            yield path
