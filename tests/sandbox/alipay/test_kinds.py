"""What Alipay may say on request, seen from the merchant's side of the wire."""

import pytest

from payment_cli.sandbox import client
from payment_cli.sandbox.kinds import KINDS
from tests.support.sandbox_clients import RawAlipay, Shop

REFUSALS = [name for name, row in KINDS.items() if row.refusal and "alipay" in row.apis]


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_on_request_is_said_word_for_word(
    alipay: RawAlipay, shop: Shop, kind: str
) -> None:
    said = KINDS[kind].refusal
    assert said is not None
    operation = min(KINDS[kind].only or {"query"})
    content = alipay.content()
    client.misbehave(shop.state, kind, operation=operation)
    answer = alipay.send(f"alipay.trade.{operation}", content)
    assert (answer.status, "sign" in answer.json) == (said.status, True)
    node = answer.json[f"alipay_trade_{operation}_response"]
    word = node.get("sub_code", node["code"])
    assert (word, node.get("sub_msg", "")) == (said.code, said.message)
