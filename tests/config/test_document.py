import traceback
from pathlib import Path

import pytest

from payment_cli.config.document import SIZE_MAX, parse_document
from payment_cli.errors import ConfigError

CONF = Path("/tree/alipay.conf")


def test_json_and_json5_say_the_same():
    strict = parse_document(CONF, b'{"app_id": "20210", "timeout_express": 5}')
    loose = parse_document(
        CONF, b"// the test account\n{app_id: '20210', timeout_express: 5, /* minutes */}\n"
    )
    assert strict == loose == {"app_id": "20210", "timeout_express": 5}


def test_a_byte_order_mark_does_no_harm():
    assert parse_document(CONF, b'\xef\xbb\xbf{"a": "b"}') == {"a": "b"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"{\n a: 1,\n b: }\n", r"alipay\.conf: line 3 is not JSON5"),
        (b'{\n "a": "b"\n', r"alipay\.conf: line 1 is not JSON5: Unclosed object"),
        (b"", r"alipay\.conf: line 1 is not JSON5"),
        (b"{a: 1}\n, x", r"alipay\.conf: line 1 is not JSON5"),
        (b'{"a": "ok",\n "b": "\xff"}', r"alipay\.conf: line 2 is not UTF-8"),
        (b"[1]", r"alipay\.conf must hold one object"),
        (b'{"a": 1, "a": 2}', r"alipay\.conf is not valid JSON: a key occurs twice"),
        (b"{" + b'"a":{' * 200 + b"}" * 200 + b"}", r"alipay\.conf"),
        (b"{a:" + b"[" * 100_000, r"alipay\.conf"),
        (b" " * (SIZE_MAX + 1), r"alipay\.conf is bigger than"),
    ],
)
def test_a_malformed_document_is_refused_by_file_and_line(text, why):
    with pytest.raises(ConfigError, match=why):
        parse_document(CONF, text)


def test_a_malformed_document_is_not_quoted_with_all_its_causes():
    text = b"{private_key: 'canary', api_v3_key: canary}"
    with pytest.raises(ConfigError) as caught:
        parse_document(CONF, text)
    assert "canary" not in "".join(traceback.format_exception(caught.value))
