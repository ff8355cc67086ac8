"""What WeChat Pay's words mean: trade states and error codes, the same for v3 and v2.

Codes are compared without underscores: v2 and older pages of v3 say NOTENOUGH where newer pages
say NOT_ENOUGH. A word that is not listed decides nothing. (Provider documents: order states; error
codes of each interface.)
"""

from datetime import UTC, datetime, timedelta, timezone

from payment_cli.gateways.base import Outcome

#: WeChat Pay's clock.
BEIJING = timezone(timedelta(hours=8))

#: The payer types the password; what newer pages call USER_PAYING.
PAYER_IS_PAYING = "USERPAYING"

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
        "NOTENOUGH", "NOTSUPORTCARD", "NOTSUPPORTCARD", "TRADEERROR",
    }
)  # fmt: skip

#: The order of a scan has ended: nobody pays it any more.
_ENDED = frozenset({"ORDERCLOSED", "ORDERREVERSED"})

#: Our request was not taken, so it created no order.
_REFUSED = frozenset(
    {
        "ACCOUNTERROR", "APPIDMCHIDNOTMATCH", "APPIDNOTEXIST", "FREQUENCYLIMITED",
        "FREQUENCYLIMITEXCEED", "INVALIDREQUEST", "LACKPARAMS", "MCHIDNOTEXIST", "MCHNOTEXISTS",
        "NOAUTH", "NOTUTF8", "OPENIDMISMATCH", "PARAMERROR", "POSTDATAEMPTY", "RATELIMITEXCEEDED",
        "REQUIREPOSTMETHOD", "RULELIMIT", "SIGNERROR", "XMLFORMATERROR",
    }
)  # fmt: skip

#: The last part of v3's Request-ID when an order of this number exists: paid (two numbers), closed
#: or out of time, placed before with other parameters. It comes with INVALID_REQUEST and others.
#: A number never proves that an order does *not* exist. (Tencent's list of its 20 usual errors.)
_ORDER_EXISTS_NUMBERS = frozenset({"268449538", "268498689", "268447914", "268498688"})

#: What an error's words for people hold when an order of this number exists: "201 商户订单号重复"
#: (which v2, and v3 by INVALID_REQUEST, say without a number), "该订单已支付", "请求重入时…".
_ORDER_EXISTS_WORDS = ("订单号重复", "订单已", "重入")


def plain(code: str) -> str:
    """Return an error code or state as it is compared."""
    return code.replace("_", "").upper()


def of_trade_state(word: str) -> Outcome:
    """Return what the state of an order means."""
    return _TRADE_STATES.get(word, Outcome.UNKNOWN)


def went_back(trade_state: str) -> bool:
    """Whether an order that was paid is heard of when money went back already."""
    return trade_state == "REFUND"


def of_error(code: str, number: str = "", message: str = "") -> Outcome:
    """Return what an error code means, if the answer can be believed: never PAID.

    `number` is v3's exact error number, `message` the words that come with the code. FAILED means
    a declined scan, or one that has ended. Any other error that says "this order exists" decides
    nothing: it may even be paid.
    """
    word = plain(code)
    if word in _ENDED and number not in _ORDER_EXISTS_NUMBERS:
        return Outcome.FAILED
    if number in _ORDER_EXISTS_NUMBERS or any(part in message for part in _ORDER_EXISTS_WORDS):
        return Outcome.UNKNOWN
    if word in _DECLINED:
        return Outcome.FAILED
    if word == PAYER_IS_PAYING:
        return Outcome.WAITING
    if word == "ORDERNOTEXIST":
        return Outcome.NOT_FOUND
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
    """Return words for people in one line: no control characters, cut to length."""
    words = "".join(char if char.isprintable() else " " for char in text).split()
    return " ".join(words)[:chars_max]
