"""What follows from paid, flagged, failed, cancelled, shipped: ONE table, read by everybody.

Verified money is recorded whatever follows from it (services/payments/settlement.py). So a step
here never refuses: it *plans* first, which only reads, and then its changes are written in the same
transaction. A step that can't be planned (a record is missing, damaged, in a foreign state or
another's) is *owed*: an outbox row with its reason, done later by `payment tick`, listed by
`payment owed`, and told by the payment's history. Only a storage that can't be read or written
stops a transaction.

Metadata can't pay an order: only an order whose own `pay_ids` name the payment is touched, and
only with equal fee, currency and seller. `or_id` alone is data.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from payment_cli.errors import (
    CorruptRecordError,
    LockedError,
    NotFoundError,
    PaymentError,
    StorageError,
)
from payment_cli.ids import NewId
from payment_cli.model.payments.payment import Flag, Payment, Status
from payment_cli.model.record import Record
from payment_cli.model.shop.order import Order
from payment_cli.model.shop.order_notice import NoticeType
from payment_cli.model.shop.order_state import OrderStatus
from payment_cli.services.events.outbox import OUTBOX
from payment_cli.services.events.owed import Debt
from payment_cli.services.payments.records import load, save
from payment_cli.services.payments.settlement import Moment, Owed, Settlement
from payment_cli.services.shop.order_steps import (
    HasHook,
    Plan,
    Scene,
    Write,
    end_unsent,
    free_coupons,
    free_stock,
    move_order,
    note_order,
    owe_basket,
    reopen_order,
    tell,
    use_coupons,
)
from payment_cli.storage.base import Reader, Transaction

#: The moments of an order that ends unpaid, and of one that its store ships or ends; the others are
#: a payment's (settlement.Moment).
CANCELLED = "cancelled"
MOVED = "moved"

#: The moment of money whose order could not be judged: nothing follows until it is.
UNJUDGED = "unjudged"


class Step(NamedTuple):
    """A step and the name under which it is owed. A name is stored: it never changes."""

    name: str
    plan: Plan


def _judge(scene: Scene) -> Iterable[Write]:
    """Write nothing here: if the money can be judged, settlement does it again."""
    if scene.payment is not None:
        scene.order.why_not_paid_by(scene.payment)
    return ()


#: What follows, in this order.
STEPS: Mapping[str, tuple[Step, ...]] = {
    Moment.PAID: (
        Step("move_order", move_order),
        Step("use_coupons", use_coupons),
        Step("end_unsent", end_unsent),
        Step("owe_basket", owe_basket),
        Step("tell_store", tell(NoticeType.PAID)),
    ),
    Moment.FLAGGED: (
        Step("note_order", note_order),
        Step("tell_store", tell(NoticeType.FLAGGED)),
    ),
    Moment.FAILED: (
        Step("reopen_order", reopen_order),
        Step("tell_store", tell(NoticeType.FAILED)),
    ),
    # Whoever closed it knows; the order is paid in another way, or its end is told.
    Moment.CLOSED: (Step("reopen_order", reopen_order),),
    UNJUDGED: (Step("judge", _judge),),
    CANCELLED: (
        Step("free_stock", free_stock),
        Step("free_coupons", free_coupons),
        Step("tell_store", tell(None)),
    ),
    MOVED: (Step("tell_store", tell(None)),),
}


#: The states of an order in which a moment of its own may be owed.
_ORDER_STATES: Mapping[str, tuple[OrderStatus, ...]] = {
    CANCELLED: (OrderStatus.CANCELLED,),
    MOVED: (OrderStatus.SHIPPED, OrderStatus.DONE),
}

#: The states of a payment, and whether it is flagged, in which a moment's steps may be owed. A
#: paid one may have got more money since, and the right amount may have come after another.
_STATES: Mapping[str, tuple[tuple[Status, bool], ...]] = {
    Moment.PAID: ((Status.OK, False), (Status.OK, True)),
    Moment.FLAGGED: (
        (Status.OK, True),
        (Status.OK, False),
        (Status.FAIL, True),
        (Status.WAIT, True),
    ),
    Moment.FAILED: ((Status.FAIL, False), (Status.FAIL, True)),
    Moment.CLOSED: ((Status.FAIL, False), (Status.FAIL, True)),
    UNJUDGED: ((Status.OK, True), (Status.OK, False)),
}


@dataclass(frozen=True, slots=True)
class Consequences:
    """The table at work: settlement's `Effects`, and the shop's where an order ends or moves."""

    new_id: NewId
    has_hook: HasHook

    def judge(self, reader: Reader, payment: Payment) -> Flag | None:
        """See settlement.Effects. A payment that no order owns settles by itself."""
        scene = self._scene(reader, payment, now=0, by="")
        try:
            return scene.order.why_not_paid_by(payment) if scene.concerns_an_order() else None
        except (StorageError, LockedError):
            raise
        except NotFoundError:
            return Flag.ORDER_GONE
        except Exception:  # whatever is wrong with the order, the money is recorded
            return Flag.ORDER_UNREAD

    def follow(
        self, tx: Transaction, moment: Moment, payment: Payment, *, now: int, by: str
    ) -> tuple[Owed, ...]:
        """See settlement.Effects."""
        scene = self._scene(tx, payment, now=now, by=by)
        if moment is Moment.FLAGGED and not _is_judged(scene, payment):
            return self._follow(tx, UNJUDGED, scene)
        return self._follow(tx, moment, scene)

    def cancelled(
        self, tx: Transaction, order: Order, told: NoticeType, *, now: int, by: str
    ) -> tuple[Owed, ...]:
        """Do what follows from the end of `order`, which `told` names; as `follow`."""
        return self._follow(tx, CANCELLED, self._scene_of_order(tx, order, told, now, by))

    def moved(
        self, tx: Transaction, order: Order, told: NoticeType, *, now: int, by: str
    ) -> tuple[Owed, ...]:
        """Do what follows from a move of `order` by its store, which `told` names; as `follow`."""
        return self._follow(tx, MOVED, self._scene_of_order(tx, order, told, now, by))

    def retry(self, tx: Transaction, row: Record, *, now: int, by: str) -> None:
        """Do an owed step, in the transaction that removes its row; the payment says so.

        Raises:
            CorruptRecordError: the row owes no step, or one that its payment or order, as they are
                now, do not call for: a row can't pay an order.
            PaymentError: the step still can't be done, and why.
        """
        debt = Debt.from_row(row)
        payment = load(tx, debt.payment_id) if debt.payment_id else None
        step = _step_of(debt)

        def plan(scene: Scene) -> Iterable[Write]:
            _require_its_moment(debt, payment, scene)
            return step.plan(scene)

        scene = self._scene_of(tx, debt, payment, now, by)
        error = _plan_and_write(tx, scene, Step(step.name, plan))
        if error is not None:
            raise error
        if payment is not None:
            payment = save(tx, payment.noted("done", now, by, debt.step))
            if debt.moment == UNJUDGED:
                Settlement(lambda: self).judge_again(tx, payment, now=now, by=by)

    def _follow(self, tx: Transaction, moment: str, scene: Scene) -> tuple[Owed, ...]:
        owed = []
        for step in STEPS[moment]:
            error = _plan_and_write(tx, scene, step)
            if error is not None:
                why = f"{error.code}: {error}"
                debt = _debt(moment, step, scene)
                tx.insert(OUTBOX, debt.to_row(self.new_id(scene.now), scene.now, why))
                owed.append(Owed(step.name, why))
        return tuple(owed)

    def _scene(self, reader: Reader, payment: Payment, *, now: int, by: str) -> Scene:
        store, order_id = payment.seller_nm, payment.or_id
        return Scene(reader, store, order_id, now, by, self.new_id, self.has_hook, payment)

    def _scene_of_order(
        self, tx: Transaction, order: Order, told: NoticeType, now: int, by: str
    ) -> Scene:
        store, new_id = order.sto_nm, self.new_id
        return Scene(tx, store, order.id, now, by, new_id, self.has_hook, told=told, known=order)

    def _scene_of(
        self, reader: Reader, debt: Debt, payment: Payment | None, now: int, by: str
    ) -> Scene:
        """Return the scene of an owed step: of a flagged payment, the money it was about."""
        if payment is not None and debt.moment == Moment.FLAGGED:
            payment = payment._replace(
                flag=debt.flag, trade_no=debt.trade_no, paid_fee=debt.paid_fee
            )
        told = NoticeType(debt.told) if debt.told else NoticeType.CANCELLED
        return Scene(
            reader, debt.store, debt.order_id, now, by, self.new_id, self.has_hook, payment, told
        )


def _require_its_moment(debt: Debt, payment: Payment | None, scene: Scene) -> None:
    """Refuse to do what no moment of the payment, or of the order, calls for.

    Raises:
        CorruptRecordError: see above. NotFoundError: the order that ended is missing.
    """
    if payment is None:
        calls_for_it = debt.moment in _ORDER_STATES and (
            scene.order.ord_status in _ORDER_STATES[debt.moment]
        )
    else:
        calls_for_it = (payment.seller_nm, payment.or_id) == (debt.store, debt.order_id) and (
            payment.st, bool(payment.flag)
        ) in _STATES.get(debt.moment, ())  # fmt: skip
    if not calls_for_it:
        raise CorruptRecordError(
            f"{debt.step} is owed after {debt.moment!a}, but nothing of the kind has happened"
        )


def _is_judged(scene: Scene, payment: Payment) -> bool:
    """Whether the flag is a verdict, and not only says that the order was out of reach."""
    if payment.flag == Flag.ORDER_GONE:
        return _planned(scene, lambda _scene: ())[1] is None
    return payment.flag != Flag.ORDER_UNREAD


def _plan_and_write(tx: Transaction, scene: Scene, step: Step) -> PaymentError | None:
    """Do a step; return why it can't be planned, None if it is done.

    Raises:
        StorageError, LockedError: nothing can be read or written now.
    """
    writes, error = _planned(scene, step.plan)
    for write in writes:
        change = tx.insert if write.is_new else tx.put
        stored = change(write.collection, write.record)
        if write.order is not None:
            scene.known = replace(write.order, rev=int(str(stored["rev"])))
    return error


def _planned(scene: Scene, plan: Plan) -> tuple[tuple[Write, ...], PaymentError | None]:
    try:
        return (tuple(plan(scene)) if scene.concerns_an_order() else ()), None
    except (StorageError, LockedError):
        raise
    except PaymentError as error:
        return (), error
    except Exception as error:  # a bug in a step, or in what it read, costs no money either
        return (), PaymentError(f"{type(error).__name__}: {error}")


def _debt(moment: str, step: Step, scene: Scene) -> Debt:
    payment = scene.payment
    debt = Debt(moment, step.name, scene.store, scene.order_id, told=str(scene.told))
    if payment is None:
        return debt
    return replace(
        debt, payment_id=payment.id, told="", flag=payment.flag, trade_no=payment.trade_no,
        paid_fee=payment.paid_fee,
    )  # fmt: skip


def _step_of(debt: Debt) -> Step:
    for step in STEPS.get(debt.moment, ()):
        if step.name == debt.step:
            return step
    raise CorruptRecordError(f"nobody here does {debt.step!a} after {debt.moment!a}")
