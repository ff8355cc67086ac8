import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.base import Gateway, HttpRequest, OrderRef, Outcome
from payment_cli.gateways.free import FreeGateway
from payment_cli.model.payments.pay_type import ReturnType
from tests.gateways.gateway_contract import ORDER_NO, a_request

GATEWAY: Gateway = FreeGateway()
REQUEST = HttpRequest("POST", "/pay/re/free/demo/main", "", {}, b"")


def test_what_is_free_is_paid_at_once():
    GATEWAY.validate(a_request("free", fee=0), None)
    answer = GATEWAY.send(a_request("free", fee=0), None)
    assert (answer.outcome, answer.re_tp) == (Outcome.PAID, ReturnType.TEXT)
    assert isinstance(answer.re_obj, str)
    assert (answer.paid.order_no, answer.paid.fee, answer.paid.cur) == (ORDER_NO, 0, "CNY")


def test_asking_says_the_same():
    order = OrderRef(ORDER_NO, "free", 0, "CNY", send_at=0)
    assert GATEWAY.check(order).outcome is Outcome.PAID
    assert GATEWAY.close(order).outcome is Outcome.CLOSED


@pytest.mark.parametrize("fee", [1, 2300, -1])
def test_what_costs_money_is_never_free(fee):
    with pytest.raises(InvalidValueError, match="not free"):
        GATEWAY.validate(a_request("free", fee=fee), None)
    with pytest.raises(InvalidValueError, match="not free"):
        GATEWAY.send(a_request("free", fee=fee), None)
    with pytest.raises(InvalidValueError, match="not free"):
        GATEWAY.check(OrderRef(ORDER_NO, "free", fee, "CNY", send_at=0))


def test_nobody_calls_back_about_what_is_free():
    with pytest.raises(InvalidValueError):
        GATEWAY.complete(REQUEST)
    assert GATEWAY.acknowledge(REQUEST).status == 400
