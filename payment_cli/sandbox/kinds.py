"""Every misbehaviour there is, one row each, by the name that `pay sandbox misbehave` takes.

Here is what may happen to messages of any provider; what only one says or leaves out is in that
provider's own `kinds.py`.
"""

from payment_cli.sandbox.alipay import kinds as alipay
from payment_cli.sandbox.misbehaviour import ANYWHERE, BROWSING, NOTICES, TELLING, Kind
from payment_cli.sandbox.wechat import kinds as wechat

GENERAL = {
    "timeout-before": Kind("no answer, and nothing was done"),
    "timeout-after": Kind("it was done, but no answer comes"),
    "error-before": Kind("HTTP 500, and nothing was done"),
    "error-after": Kind("it was done, but the answer is HTTP 500"),
    "html": Kind("it was done, but the answer is somebody's HTML page"),
    "truncated": Kind("it was done, but the answer breaks off half way"),
    "slow": Kind("the answer drips in over hold_s seconds"),
    "bad-signature": Kind("signed by a stranger", ANYWHERE, never=BROWSING),
    "unsigned": Kind("without a signature", ANYWHERE, never=BROWSING),
    "signtest": Kind("WeChat's probe: a signature WECHATPAY/SIGNTEST/…", ANYWHERE, never=BROWSING),
    "stale": Kind("truly signed, ten minutes ago", ANYWHERE, never=BROWSING),
    "wrong-amount": Kind("truly signed, one fen more was paid", ANYWHERE, only=TELLING),
    "wrong-currency": Kind("truly signed, paid in USD", ANYWHERE, only=TELLING),
    "other-order": Kind("truly signed, about another order", ANYWHERE, only=TELLING),
    "foreign-merchant": Kind(
        "truly signed, about another merchant", ANYWHERE, only=TELLING | {"reverse"}
    ),
    "chunked": Kind("the notification comes in chunks, without a length", NOTICES),
    "duplicate": Kind("the notification comes twice", NOTICES),
    "reordered": Kind("held back until another notification was delivered", NOTICES),
    "lost": Kind("this delivery never arrives; the schedule goes on", NOTICES),
}

#: Every misbehaviour by its name.
KINDS = GENERAL | wechat.KINDS | alipay.KINDS
