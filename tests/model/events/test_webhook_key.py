import base64

import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.model.events.webhook_key import WebhookKeys, key_bytes, new_key
from payment_cli.model.secret import Secret


def a_key(letter: str, size: int = 32) -> str:
    return "whsec_" + base64.b64encode(letter.encode() * size).decode()


def texts(keys: WebhookKeys) -> list[str]:
    return [key.reveal() for key in keys.keys]


def test_a_new_key_is_two_tokens_in_the_form_of_standard_webhooks() -> None:
    key = new_key("00" * 16, "ff" * 16)
    assert key.reveal().startswith("whsec_")
    assert key_bytes(key) == b"\x00" * 16 + b"\xff" * 16
    assert WebhookKeys((key,)).to_text() == key.reveal() + "\n"


def test_a_rotated_key_signs_beside_the_one_before_it_until_that_is_retired() -> None:
    keys = WebhookKeys.from_text(f"\n  {a_key('a')}  \r\n")
    for letter, signing in (("b", "ba"), ("c", "cb")):
        keys = keys.rotated(Secret(a_key(letter)))
        assert texts(keys) == [a_key(name) for name in signing]
    assert texts(WebhookKeys.from_text(keys.to_text())) == texts(keys)
    assert texts(keys.retired()) == [a_key("c")]
    assert texts(keys.retired().retired()) == [a_key("c")]


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "canary", "whsec_", "whsec_canary!", a_key("canary", 3), a_key("a", 23),
        a_key("a", 65), a_key("a").removeprefix("whsec_"), "\n".join(map(a_key, "abc")),
        a_key("a") + "\ncanary",
    ],
)  # fmt: skip
def test_a_file_that_holds_no_keys_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        WebhookKeys.from_text(text)
    assert "canary" not in f"{refused.value} {refused.value.hint}"
    assert refused.value.__cause__ is None


def test_keys_do_not_show_themselves() -> None:
    keys = WebhookKeys.from_text(a_key("a"))
    assert a_key("a") not in f"{keys!r} {keys}"
