"""What WeChat Pay's words mean: trade states and error codes, the same for v3 and v2.

Codes are compared without underscores: v2 says NOTENOUGH where v3 says NOT_ENOUGH. A word that is
not listed decides nothing. (Provider documents: order states; error codes of each interface.)
"""

from datetime import UTC, datetime, timedelta, timezone

from payment_cli.gateways.base import Outcome

#: WeChat Pay's clock.
BEIJING = timezone(timedelta(hours=8))

#: REFUND is PAID: the money came, and part or all of it has gone back since.
_TRADE_STATES = {
    "SUCCESS": Outcome.PAID,
    "REFUND": Outcome.PAID,
    "NOTPAY": Outcome.WAITING,
    "USERPAYING": Outcome.WAITING,
    "ACCEPT": Outcome.WAITING,
    "CLOSED": Outcome.FAILED,
    "REVOKED": Outcome.FAILED,
    "PAYERROR": Outcome.FAILED,
}

#: The payer's side said no to a scan: this order will never be paid.
_DECLINED = frozenset(
    {
        "AUTHCODEEXPIRE", "AUTHCODEEXPIRED", "AUTHCODEERROR", "AUTHCODEINVALID", "BUYERMISMATCH",
        "NOTENOUGH", "NOTSUPORTCARD", "NOTSUPPORTCARD", "ORDERCLOSED", "ORDERREVERSED",
        "TRADEERROR",
    }
)  # fmt: skip

#: Our request was not taken, so it created no order.
_REFUSED = frozenset(
    {
        "ACCOUNTERROR", "APPIDMCHIDNOTMATCH", "APPIDNOTEXIST", "FREQUENCYLIMITED",
        "FREQUENCYLIMITEXCEED", "INVALIDREQUEST", "LACKPARAMS", "MCHIDNOTEXIST", "MCHNOTEXISTS",
        "NOAUTH", "NOTUTF8", "OPENIDMISMATCH", "PARAMERROR", "POSTDATAEMPTY", "RATELIMITEXCEEDED",
        "REQUIREPOSTMETHOD", "RULELIMIT", "SIGNERROR", "XMLFORMATERROR",
    }
)  # fmt: skip

#: The last part of v3's Request-ID when an order of this number exists: already paid, or placed
#: before with other parameters. It comes with the code INVALID_REQUEST.
_ORDER_EXISTS_NUMBERS = frozenset({"268449538", "268498688"})


def of_trade_state(word: str) -> Outcome:
    """Return what the state of an order means."""
    return _TRADE_STATES.get(word, Outcome.UNKNOWN)


def of_error(code: str, number: str = "") -> Outcome:
    """Return what an error code means, if the answer can be believed: never PAID.

    `number` is v3's exact error number. FAILED means a declined scan.
    """
    word = code.replace("_", "").upper()
    if number in _ORDER_EXISTS_NUMBERS:
        return Outcome.UNKNOWN
    if word == "USERPAYING":
        return Outcome.WAITING
    if word == "ORDERNOTEXIST":
        return Outcome.NOT_FOUND
    if word in _DECLINED:
        return Outcome.FAILED
    return Outcome.REFUSED if word in _REFUSED else Outcome.UNKNOWN


def time_of(text: str) -> int:
    """Return the AMS of v3's RFC 3339 or v2's yyyyMMddHHmmss (Beijing); 0 if it is neither."""
    try:
        if text.isdigit():
            at = datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
        else:
            at = datetime.fromisoformat(text)
    except ValueError:
        return 0
    if at.tzinfo is None:
        return 0
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def rfc3339(at: int) -> str:
    """Return an AMS as v3 wants times: whole seconds, Beijing."""
    return datetime.fromtimestamp(at // 1000, BEIJING).isoformat()


def one_line(text: str, chars_max: int) -> str:
    """Return what a payer may read as a description: no control characters, cut to length."""
    words = "".join(char if char.isprintable() else " " for char in text).split()
    return " ".join(words)[:chars_max]
