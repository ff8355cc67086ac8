"""The doctor's look at payments: what waits for a person, and targets that changed hands."""

from collections import Counter
from collections.abc import Iterator

from payment_cli.errors import PaymentError
from payment_cli.model.finding import Finding, error, warn
from payment_cli.model.payments.payment import ApplyStatus, Flag, Payment, Status
from payment_cli.model.query.match import equal, one_of
from payment_cli.services.payments.accounts import Accounts, is_where_it_was_sent, own_gateway
from payment_cli.services.payments.records import PAYMENTS
from payment_cli.storage.base import Query, Reader

#: So many payments that got another amount are told one by one.
AMOUNTS_MAX = 20

#: So many waiting payments are held against the accounts of their targets.
WAITING_MAX = 1000

#: What ends payments that can't be asked about.
_ABANDON = "if it is gone for good: `pay close ID --abandon`"

#: What ends payments of which nobody knows whom they were sent to; one that is paid settles.
_LOOK_UP = (
    "whoever knows one settles it; look the others up at the provider: one that is not paid there, "
    "`pay close ID --abandon --as root` ends, which frees its stock, though it may be paid later"
)

#: Money that is here and could not settle; what went back is nobody's to return.
_TO_RETURN = (Flag.LATE, Flag.DOUBLE, Flag.ORDER_GONE, Flag.ORDER_UNREAD)


def examine_payments(reader: Reader, accounts: Accounts) -> Iterator[Finding]:
    """Yield what there is to say of flagged payments, and of those that wait."""
    yield from _flagged(reader)
    yield from _waiting(reader, accounts)
    yield from _scripts(reader)


def _flagged(reader: Reader) -> Iterator[Finding]:
    counts: Counter[str] = Counter()
    wanted = one_of("flag", [str(flag) for flag in (*_TO_RETURN, Flag.AMOUNT)])
    for record in reader.query(PAYMENTS, Query(wanted, (("lm", -1),))):
        flag = str(record["flag"])
        counts[flag] += 1
        if flag == Flag.AMOUNT and counts[flag] <= AMOUNTS_MAX:
            payment = Payment.from_record(record)
            hint = f"look it up at the provider; `pay check {payment.id}` asks again"
            yield warn(f"payment {payment.id}", payment.figures, hint)
    for flag in _TO_RETURN:
        if counts[flag]:
            sentence = f"{counts[flag]} got money that could not settle: {flag}"
            yield warn("payments", sentence, "`pay query --flagged` lists them")


def _waiting(reader: Reader, accounts: Accounts) -> Iterator[Finding]:
    """Tell each target whose waiting payments can't be asked about where they were sent, once."""
    seen: set[tuple[str, ...]] = set()
    wanted = Query(equal("st", str(Status.WAIT)), (("lm", -1),), limit=WAITING_MAX)
    for payment in map(Payment.from_record, reader.query(PAYMENTS, wanted)):
        sent_to = (payment.seller_nm, payment.pay_tp, payment.pay_target)
        account = (*sent_to, payment.pay_mch, payment.pay_app, payment.pay_base)
        if account in seen:
            continue
        seen.add(account)
        try:
            gateway = own_gateway(accounts, payment)
        except PaymentError as problem:
            hint = f"{problem.hint}; {_ABANDON}" if problem.hint else _ABANDON
            yield error(" ".join(sent_to), str(problem), hint)
            continue
        if not is_where_it_was_sent(payment, gateway):
            sentence = f"payments wait (as {payment.id}) that {_sent(payment)}: " + (
                f'"no such order" from {gateway.api_base} decides nothing about them'
            )
            yield warn(" ".join(sent_to), sentence, _ABANDON if payment.pay_mch else _LOOK_UP)


def _scripts(reader: Reader) -> Iterator[Finding]:
    """Tell of scripts that wait for a person: those without an outcome, and those that failed."""
    claimed = equal("apply_st", str(ApplyStatus.CLAIMED))
    count = reader.count(PAYMENTS, claimed)
    for record in reader.query(PAYMENTS, Query(claimed, (("lm", 1),), limit=1)):
        payment = Payment.from_record(record)
        sentence = (
            f"scripts without an outcome: {count}, first that of {payment.id}, begun by "
            f"{payment.apply_by}: it runs, or its runner was killed and it may have run in part"
        )
        hint = (
            "`pay apply` lists them; look at what it did, then `pay apply ID --again` or `--skip`"
        )
        yield warn("scripts", sentence, hint)
    failed = equal("apply_st", str(ApplyStatus.FAILED))
    count = reader.count(PAYMENTS, failed)
    for record in reader.query(PAYMENTS, Query(failed, (("lm", 1),), limit=1)):
        sentence = f"scripts that failed: {count}, first that of {record['id']}"
        hint = "no sweep runs one again; `pay apply` lists them: `pay apply ID --again` or `--skip`"
        yield warn("scripts", sentence, hint)


def _sent(payment: Payment) -> str:
    """Say where a payment was sent that `is_where_it_was_sent` denies."""
    if not payment.pay_base:
        return "an older program sent, through an account that it did not record"
    return f"were sent to {payment.pay_base}"
