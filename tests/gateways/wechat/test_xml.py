import pytest
from hypothesis import given
from hypothesis import strategies as st

from payment_cli.errors import InvalidValueError
from payment_cli.gateways.wechat.xml import (
    XML_SIZE_MAX,
    distrust_of,
    looks_like_xml,
    read_xml,
    sign_fields,
    write_xml,
)
from payment_cli.model.secret import Secret
from tests.support import wechat as platform
from tests.support.fuzzing import read_or_refused
from tests.support.vectors import vectors

KEY = Secret(platform.PAY_KEY)

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 9))
ATTACKS = {
    "file": '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><xml><a>&f;</a></xml>',
    "http": '<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><xml><a>1</a></xml>',
    "laughs": f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]><xml><a>&l8;</a></xml>',
    "lower case": '<!doctype x [<!entity f "x">]><xml><a>&f;</a></xml>',
    "spaces first": '  \n<?xml version="1.0"?>\n<!DOCTYPE x><xml><a>1</a></xml>',
    "inside": '<xml><!DOCTYPE x [<!ENTITY f "x">]><a>&f;</a></xml>',
    "utf-16": '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x><xml><a>1</a></xml>',
    "undeclared": "<xml><a>&f;</a></xml>",
    "comment": "<xml><!-- x --><a>1</a></xml>",
    "twice": "<xml><a>1</a><a>2</a></xml>",
    "twice the same": "<xml><a>1</a><a>1</a></xml>",
    "nested": "<xml><a><b>1</b></a></xml>",
    "other root": "<html><a>1</a></html>",
    "two roots": "<xml><a>1</a></xml><xml><a>2</a></xml>",
    "open": "<xml><a>1</a>",
    "empty": "",
    "text": "hello",
    "nul": "<xml><a>\x00</a></xml>",
    "a hidden DTD": '<?x <![CDATA[ ?><!DOCTYPE x [<!ENTITY f "]]>">]><xml><a>&f;</a></xml>',
    "a comment that hides a DTD": "<!-- <![CDATA[ --><!DOCTYPE x><xml><a>]]></a></xml>",
    "big": "<xml><a>" + "1" * XML_SIZE_MAX + "</a></xml>",
    "deep": "<xml>" + "<a>" * 5000 + "</a>" * 5000 + "</xml>",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_document_that_is_not_flat_and_plain_is_refused(name):
    encoding = "utf-16" if name == "utf-16" else "utf-8"
    with pytest.raises(InvalidValueError, match="message"):
        read_xml(ATTACKS[name].encode(encoding))


def test_the_published_attack_is_refused():
    body = (
        '<?xml version="1.0" encoding="ISO-8859-1"?><!DOCTYPE foo [<!ELEMENT foo ANY >'
        '<!ENTITY xxe SYSTEM "file:///etc/passwd" >]><xml><creds>&xxe;</creds></xml>'
    )
    with pytest.raises(InvalidValueError, match="DTD"):
        read_xml(body.encode())


def test_plain_text_cdata_and_escapes_are_read():
    body = "<?xml version='1.0'?>\n<xml>\n <a>1 &lt; 2</a><b><![CDATA[<&>微]]></b><c/>\n</xml>\n"
    assert read_xml(body.encode()) == {"a": "1 < 2", "b": "<&>微", "c": ""}


@pytest.mark.parametrize(
    "text",
    ["<!", "<!DOCTYPE x>", '<!ENTITY f "x">', "<!-- 两杯 -->", "&f;", "]]", "<?xml?>", "<b>1</b>"],
)
def test_what_is_in_cdata_is_text_and_no_markup(text):
    body = f"<xml><a><![CDATA[{text}]]></a><b>2</b></xml>"
    assert read_xml(body.encode()) == {"a": text, "b": "2"}


def test_a_byte_order_mark_is_no_text():
    body = "\ufeff<xml><a>1</a></xml>".encode()
    assert looks_like_xml(body)
    assert read_xml(body) == {"a": "1"}


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.text("a<>&'\"]微 ;#!")))
def test_what_is_written_is_read_back(fields):
    assert read_xml(write_xml(fields)) == fields


def test_garbage_is_refused_with_one_error():
    def holds(_body, fields):
        assert read_xml(write_xml(fields)) == fields

    ends = st.from_regex(r"(<[a-z]{1,3}>[a-z<]{0,3}</[a-z]{1,3}>){0,2}</xml>", fullmatch=True)
    garbage = st.binary(max_size=300) | ends.map(str.encode)
    read_or_refused(garbage, lambda body: read_xml(b"<xml>" + body), holds)


def test_xml_is_known_by_its_first_sign():
    assert looks_like_xml(b" \n<xml/>")
    assert not looks_like_xml(b'{"a":"<xml>"}')
    assert not looks_like_xml(b"")


# ---- signatures


@pytest.mark.parametrize("vector", vectors("wechat", "wechat_v2_sign"))
def test_published_fields_are_signed_the_same(vector):
    given = vector["inputs"]
    signature = sign_fields(given["params"], Secret(given["key"]), given["sign_type"])
    assert signature == vector["expected"]


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,9}", fullmatch=True), st.text(max_size=9)))
@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
def test_empty_values_and_the_sign_itself_are_not_signed(sign_type, fields):
    expected = platform.v2_sign({k: v for k, v in fields.items() if k != "sign"}, sign_type)
    assert sign_fields({**fields, "sign": "x", "ZZ": ""}, KEY, sign_type) == expected


@pytest.mark.parametrize("sign_type", ["MD5", "HMAC-SHA256"])
def test_only_the_accounts_own_kind_of_signature_will_do(sign_type):
    other = {"MD5": "HMAC-SHA256", "HMAC-SHA256": "MD5"}[sign_type]
    fields = platform.v2_paid("1" * 32)

    def signed(as_type, **more):
        named = {**fields, **more}
        return {**named, "sign": platform.v2_sign(named, as_type)}

    assert distrust_of(signed(sign_type), KEY, sign_type) == ""
    assert distrust_of(signed(sign_type, sign_type=sign_type), KEY, sign_type) == ""
    for weaker in (
        signed(other),
        signed(other, sign_type=other),
        signed(other, sign_type=sign_type),
        signed(sign_type, sign_type=other),
        signed(sign_type, sign_type="none"),
        {**fields, "sign": ""},
        {**fields, "sign": platform.v2_sign(fields, sign_type).lower()},
        fields,
    ):
        assert distrust_of(weaker, KEY, sign_type)


def test_an_account_without_a_key_believes_nothing():
    """The signature over an empty key is one that anybody can make."""
    fields = platform.v2_paid("1" * 32)
    signed = {**fields, "sign": platform.v2_sign(fields, key="")}
    assert "pay_key" in distrust_of(signed, Secret(""), "MD5")
