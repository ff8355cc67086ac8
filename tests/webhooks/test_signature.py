import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from payment_cli.clock import system_clock
from payment_cli.model.events.webhook_key import WebhookKeys
from payment_cli.model.secret import Secret
from payment_cli.webhooks.signature import signed_headers

#: The example of the libraries of Standard Webhooks.
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"o" * 32).decode()


def keys(*texts: str) -> WebhookKeys:
    return WebhookKeys(tuple(map(Secret, texts)))


def example_verifier():
    place = Path(__file__).parents[2] / "examples" / "verify_webhook.py"
    scope: dict = {}
    exec(compile(place.read_text(), str(place), "exec"), scope)
    return scope["verify"]


def test_the_published_example_comes_out_as_published() -> None:
    headers = signed_headers(
        keys(KEY), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330_999, b'{"test": 2432232314}'
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@given(st.binary(min_size=24, max_size=64), st.text(max_size=50), st.integers(0, 2**31 * 1000))
def test_signatures_are_those_of_the_published_library(secret, text, now) -> None:
    body = text.encode("utf-8", "replace")
    key = "whsec_" + base64.b64encode(secret).decode()
    moment = datetime.fromtimestamp(now // 1000, tz=UTC)
    expected = Webhook(key).sign("e1", moment, body.decode())
    assert signed_headers(keys(key), "e1", now, body)["webhook-signature"] == expected


def test_while_a_key_is_rotated_either_key_verifies() -> None:
    body = b'{"type":"order.paid"}'
    headers = signed_headers(keys(KEY, OTHER), "e1", system_clock(), body)
    for key in (KEY, OTHER):
        assert Webhook(key).verify(body, headers) == {"type": "order.paid"}
        assert example_verifier()(key, headers, body) == {"type": "order.paid"}


@pytest.mark.parametrize("spoil", ["body", "webhook-id", "webhook-timestamp", "key", "age"])
def test_the_example_and_the_library_refuse_the_same_forgeries(spoil: str) -> None:
    now = system_clock() - (301_000 if spoil == "age" else 0)
    body, key = b'{"fee":1}', KEY
    headers = signed_headers(keys(KEY), "e1", now, body)
    if spoil == "body":
        body = b'{"fee":2}'
    elif spoil == "key":
        key = OTHER
    elif spoil != "age":
        headers[spoil] = str(now // 1000 + 1) if spoil == "webhook-timestamp" else "e2"
    with pytest.raises(WebhookVerificationError):
        Webhook(key).verify(body, headers)
    with pytest.raises(ValueError, match="signed"):
        example_verifier()(key, headers, body)
