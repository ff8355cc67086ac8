"""The documents of WeChat Pay APIv3: pure functions that build requests and read transactions.

What an answer means as a whole, by its status and signature, is in v3_answers.py.
"""

from dataclasses import replace

from payment_cli.gateways.base import Answer, Outcome, Paid, SendRequest
from payment_cli.gateways.wechat.account import WechatAccount
from payment_cli.gateways.wechat.description import description
from payment_cli.gateways.wechat.pay_types import order_row
from payment_cli.gateways.wechat.signature import decrypt
from payment_cli.gateways.wechat.words import (
    PAYER_IS_PAYING,
    of_trade_state,
    one_line,
    plain,
    time_of,
    went_back,
)
from payment_cli.model.payments.pay_type import ReturnType
from payment_cli.model.record import Json, Record
from payment_cli.model.secret import Secret

#: Where orders live.
TRANSACTIONS = "/v3/pay/transactions"


def build_order(account: WechatAccount, request: SendRequest, auth_code: Secret) -> Record:
    """Return the document that places an order; `auth_code` is empty where there is none."""
    document: Record = {
        "appid": account.appid,
        "mchid": account.pay_mch_id,
        "description": description(request.brief),
        "out_trade_no": request.payment_id,
        "amount": {"total": request.fee, "currency": "CNY"},
    }
    if request.profit_sharing:
        document["settle_info"] = {"profit_sharing": True}
    return {**document, **order_row(request.pay_tp).fields(account, request, auth_code)}


def parse_transaction(account: WechatAccount, document: Record, order_no: str = "") -> Answer:
    """Read a verified transaction object, which should be about `order_no` if that is known.

    UNKNOWN for another merchant's, money without an amount or the provider's number, or the failure
    of another order. Money for another order is PAID all the same: the caller compares, and says so
    aloud.
    """
    state = text_of(document.get("trade_state"))
    outcome = of_trade_state(state)
    if not account.is_named(document.get("mchid"), document.get("appid")):
        return Answer(Outcome.UNKNOWN, message="the answer speaks of another merchant or app")
    if outcome is Outcome.PAID:
        return _paid_answer(document, state)
    if order_no and document.get("out_trade_no") != order_no:
        return Answer(Outcome.UNKNOWN, message="the answer speaks of another order")
    words = one_line(text_of(document.get("trade_state_desc")), 200)
    return Answer(outcome, code=state, message=words, extra=_extra(document))


def waiting_for_payer(account: WechatAccount, document: Record, order_no: str) -> Answer | None:
    """Return WAITING if a transaction says that the payer types the password, else None.

    It may hold the trade_state alone (so Tencent's support says); what it names must be ours.
    """
    if plain(text_of(document.get("trade_state"))) != PAYER_IS_PAYING:
        return None
    named = {"mchid": account.pay_mch_id, "appid": account.appid, "out_trade_no": order_no}
    if any(document.get(name) not in (None, "", ours) for name, ours in named.items()):
        return None
    words = one_line(text_of(document.get("trade_state_desc")), 200)
    return Answer(Outcome.WAITING, code=PAYER_IS_PAYING, message=words, extra=_extra(document))


def with_order_shown(answer: Answer) -> Answer:
    """Return a scan's answer with what the cashier may see of the order, unless it failed."""
    if answer.outcome not in (Outcome.PAID, Outcome.WAITING):
        return answer
    state = answer.extra.get("wx_trade_state", answer.code)
    state = plain(str(state))  # an error's word may have an underscore
    shown: Record = {"trade_state": state, "trade_state_desc": answer.message}
    if answer.paid is not None:
        shown["transaction_id"] = answer.paid.trade_no
    return replace(answer, re_tp=ReturnType.JSON, re_obj=shown)


def parse_certificates(account: WechatAccount, document: Record) -> list[str]:
    """Decrypt the list of platform certificates into PEM texts.

    Raises:
        UntrustedError: our APIv3 key does not open them.
    """
    entries = document.get("data")
    if not isinstance(entries, list):
        return []
    return [
        decrypt(account.api_v3_key, entry.get("encrypt_certificate")).decode("ascii", "replace")
        for entry in entries
        if isinstance(entry, dict)
    ]


def _paid_answer(document: Record, state: str) -> Answer:
    amount = document.get("amount")
    total = amount.get("total") if isinstance(amount, dict) else None
    if not isinstance(amount, dict) or not isinstance(total, int) or isinstance(total, bool):
        return Answer(Outcome.UNKNOWN, code=state, message="the answer names no amount")
    trade_no = text_of(document.get("transaction_id"))
    if not trade_no:
        return Answer(Outcome.UNKNOWN, code=state, message="the answer names no transaction_id")
    currency = amount.get("currency")
    payer = document.get("payer")
    paid = Paid(
        order_no=text_of(document.get("out_trade_no")),
        trade_no=trade_no,
        fee=total,
        cur="CNY" if currency in (None, "") else text_of(currency),
        payer=text_of(payer.get("openid")) if isinstance(payer, dict) else "",
        paid_at=time_of(text_of(document.get("success_time"))),
        paid_by=text_of(document.get("bank_type")),
        went_back=went_back(state),
    )
    return Answer(Outcome.PAID, paid=paid, extra=_extra(document))


def _extra(document: Record) -> Record:
    kept = ("trade_state", "trade_type")
    return {f"wx_{name}": document[name] for name in kept if isinstance(document.get(name), str)}


def text_of(value: Json) -> str:
    """Return a text as it is, "" for anything else."""
    return value if isinstance(value, str) else ""
