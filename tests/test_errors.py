"""What no sentence of an error shows, wherever a person typed it."""

import pytest

from payment_cli.errors import InvalidValueError, NotFoundError

PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0\n-----END PRIVATE KEY-----"
SECRETS = {
    "a key": PEM,
    "half a key": PEM[:40],
    "a bare key": "MIIEvQIBADAN+/Bgkqhki" * 10,
    "a token": "demo~eyJyb2xlIjoiYnV5ZXIifQ~" + "aB3-_" * 8 + "xyz",
    "a view key": "01a2" * 8 + "5f" * 16,
    "a webhook key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "a WeChat code": "134650110000000001",
    "an Alipay code": "2876543210987654",
    "a longer Alipay code": "287654321098765432109876",
    "a password": "user:hunter2hunter2",
}


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("around", ["no payment {}", "'{}' is not known", "{}: unknown", "x={}, y"])
def test_no_sentence_and_no_hint_quotes_a_secret(name, around):
    secret = SECRETS[name]
    text = f"://{secret}@host/x" if name == "a password" else secret
    said = around.format(text)
    error = InvalidValueError(said, hint=said)
    for part in (secret.splitlines()[-1][:24], secret[-16:]):
        if not part.startswith("-----"):
            assert part not in str(error)
            assert part not in error.hint
    assert secret not in str(NotFoundError("payment", text))


@pytest.mark.parametrize(
    "plain",
    [
        "no payment 01a2234f10c3795d9e36aea7d30a1345", "trade 4200002312202311281234567890",
        "2023112822001412345678901234 is not its trade", "at 1700000000000, fee 123456789012345",
        "/tmp/pytest-of-root/pytest-775/some_test0/tree/home/demo/.store/store_info.json",
        "https://pay.example/pay/re", "coupon 20231128 has expired", "110108017000 is the code",
        "home/demo/.payment/wxpay/main/wxpay.conf: private_key is empty",
    ],
)  # fmt: skip
def test_what_people_need_is_shown(plain):
    assert str(InvalidValueError(plain)) == plain
