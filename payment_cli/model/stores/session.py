"""A web session: who may order and pay at a store for some time, and its form as a token.

A token is `DOMAIN~PAYLOAD~SEAL`. The payload is the session as JSON in base64url; the seal is an
HMAC-SHA256 of both by the store's own key. Nothing of a payload is read before its seal was
compared, in constant time. The characters of a token need no escape in a cookie, in a header or in
the fragment of a link.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from payment_cli.errors import InvalidValueError, UntrustedError
from payment_cli.model.codec import decode_foreign_object, encode
from payment_cli.model.fields import Fields
from payment_cli.model.names import check_name
from payment_cli.model.payments.pay_type import Argument, PayType, ReturnType
from payment_cli.model.record import Record
from payment_cli.model.secret import Secret

#: The longest token there can be: every field at its longest, in four-byte characters.
TOKEN_MAX = 1024

BUYER_MAX = 64
OPENID_MAX = 128

_TOKEN = re.compile(r"([0-9a-z][0-9a-z_.-]{0,31})~([0-9A-Za-z_-]+)~([0-9A-Za-z_-]{43})")
_PURPOSE = b"payment-cli web session 1\n"
_NAMING = b"payment-cli name of a session\n"


class Role(StrEnum):
    """What the holder of a session is to the store."""

    BUYER = "buyer"  # orders and pays for himself
    CASHIER = "cashier"  # takes payments for the store, of anybody


@dataclass(frozen=True, slots=True)
class Session:
    """One session at the store of `domain`, until `expi` (AMS). `nonce` tells it from others.

    `buyer_id` is whose orders they are; a cashier may have none. `openid` is the buyer's number at
    WeChat, where the shop knows it: with it a page inside WeChat can pay at once.
    """

    domain: str
    role: Role
    buyer_id: str
    expi: int
    nonce: str
    openid: str = ""

    @property
    def digest(self) -> str:
        """Return what a page names this session by. Nobody can make the token of it."""
        return _digest(self.domain, self.nonce)

    @property
    def holder(self) -> str:
        """Return the same for every session of the same store, role and buyer."""
        return _digest(self.domain, str(self.role), self.buyer_id)

    def may_use(self, kind: PayType) -> bool:
        """Whether such a payment may be chosen in this session.

        Scanning the payer's code is the cashier's, paying inside the payer's browser the buyer's.
        """
        if kind.is_scan:
            return self.role is Role.CASHIER
        if kind.argument is Argument.OPENID or kind.re_tp is ReturnType.LINK:
            return self.role is Role.BUYER
        return kind.name != "free"

    def owns(self, buyer_id: str) -> bool:
        """Whether what belongs to this buyer may be seen and paid in this session."""
        return self.role is Role.CASHIER or (buyer_id != "" and buyer_id == self.buyer_id)


def new_session(
    domain: str, role: Role, buyer_id: str, *, expi: int, nonce: str, openid: str = ""
) -> Session:
    """Return a session whose fields are well formed.

    Raises:
        InvalidValueError: the store, the buyer or the openid is not, or a buyer is missing.
    """
    check_name("domain", domain)
    buyer_id, openid = buyer_id.strip(), openid.strip()
    for what, text, most in (("buyer", buyer_id, BUYER_MAX), ("openid", openid, OPENID_MAX)):
        if len(text) > most or not text.isprintable():
            raise InvalidValueError(f"the {what} must be at most {most} printable characters")
    if role is Role.BUYER and not buyer_id:
        raise InvalidValueError("a buyer's session needs a buyer", hint="--buyer ID or --order ID")
    return Session(domain, role, buyer_id, expi, nonce, openid)


def seal(session: Session, key: Secret) -> str:
    """Return the session as a token. `key` is the store's, in hex."""
    payload: Record = {
        "role": str(session.role),
        "buyer": session.buyer_id,
        "expi": session.expi,
        "nonce": session.nonce,
        "openid": session.openid,
    }
    said = f"{session.domain}~{_base64(encode(payload).encode())}"
    return f"{said}~{_seal_of(said, key)}"


def is_token(text: str) -> bool:
    """Whether this is meant as a token, and not as the id of a session."""
    return "~" in text


def store_of(token: str) -> str:
    """Return the store a token claims to be of: whose key may have sealed it. Nothing is proved.

    Raises:
        UntrustedError: it does not look like a token.
    """
    return _parts(token)[0]


def unseal(token: str, key: Secret, now: int) -> Session:
    """Return the session that `key` sealed.

    Raises:
        UntrustedError: the seal is another's, or the session is over.
    """
    import hmac

    domain, payload, given = _parts(token)
    if not hmac.compare_digest(given, _seal_of(f"{domain}~{payload}", key)):
        raise UntrustedError("this session is not one of the store's", hint="payment web token")
    fields = Fields(decode_foreign_object(_bytes(payload), "the session"), "the session")
    session = Session(
        domain=domain,
        role=fields.word("role", Role),
        buyer_id=fields.text("buyer", max_len=BUYER_MAX),
        expi=fields.whole("expi"),
        nonce=fields.required_text("nonce"),
        openid=fields.text("openid", max_len=OPENID_MAX),
    )
    if session.expi <= now:
        raise UntrustedError("this session is over", hint="payment web token makes another")
    return session


def _parts(token: str) -> tuple[str, str, str]:
    found = _TOKEN.fullmatch(token) if len(token) <= TOKEN_MAX else None
    if found is None or ".." in found[1]:
        raise UntrustedError("this is no session", hint="payment web token makes one")
    return found[1], found[2], found[3]


def _digest(*parts: str) -> str:
    import hashlib

    return hashlib.sha256(_NAMING + "\n".join(parts).encode()).hexdigest()[:32]


def _seal_of(said: str, key: Secret) -> str:
    import hashlib
    import hmac

    return _base64(
        hmac.new(bytes.fromhex(key.reveal()), _PURPOSE + said.encode(), hashlib.sha256).digest()
    )


def _base64(data: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
