import pytest

from payment_cli.errors import InvalidValueError
from payment_cli.model.events.webhook_url import parse_webhook_url
from payment_cli.model.stores.settings import StoreSettings


@pytest.mark.parametrize(
    ("text", "parts", "authority"),
    [
        ("https://shop.example", ("https", "shop.example", 443, "/"), "shop.example"),
        ("HTTP://Shop.example:80/a?b=c", ("http", "shop.example", 80, "/a?b=c"), "shop.example"),
        ("http://127.0.0.1:8080/", ("http", "127.0.0.1", 8080, "/"), "127.0.0.1:8080"),
        ("https://[2001:db8::1]:444/%2F?", ("https", "2001:db8::1", 444, "/%2F"), None),
        ("http://0x7f.1/x", ("http", "0x7f.1", 80, "/x"), "0x7f.1"),
        ("https://a_b.example?k=v", ("https", "a_b.example", 443, "/?k=v"), "a_b.example"),
    ],
)
def test_a_url_is_taken_apart(text, parts, authority) -> None:
    url = parse_webhook_url(text)
    assert (url.scheme, url.host, url.port, url.target) == parts
    assert url.authority == (authority or "[2001:db8::1]:444")


@pytest.mark.parametrize(
    "text",
    [
        "", "shop.example/x", "//shop.example", "ftp://shop.example/", "file:///etc/passwd",
        "gopher://shop.example/", "https://", "https:///x", "http://:80/", "http://a:0/",
        "http://a:65536/", "http://a:x/", "http://user:canary@a/", "http://canary@a/",
        "http://a/#canary", "http://a/b c", "http://a/\n", "http://a\t/", "http://a/\x00",
        "http://bücher.example/", "http://[::1", "http://[fe80::1%25eth0]/", "http://a\\b/",
        "http://a b/", 'http://a/"', "http://a%00b/", "javascript:canary",
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(InvalidValueError) as refused:
        parse_webhook_url(text)
    assert "canary" not in str(refused.value)


def test_a_store_can_be_set_only_to_such_a_url() -> None:
    settings = StoreSettings().with_value("webhook_url", "https://shop.example/hook?token=1", 1)
    assert settings.with_value("webhook_url", "", 2).webhook_url == ""
    with pytest.raises(InvalidValueError, match="webhook_url"):
        settings.with_value("webhook_url", "ftp://shop.example", 2)
