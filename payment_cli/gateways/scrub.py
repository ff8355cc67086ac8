"""Takes what must not be logged out of requests and answers.

Structure first: only documents that can be read (JSON, a form, XML) are shown, with the values of
secret fields replaced; anything else is shown as its size. Then patterns: whatever looks like an
auth code, a mobile number, an openid or a PEM block goes, wherever it stands. Headers are shown by
allow-list.
"""

import json
import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

HIDDEN = "***"

#: Fields of any provider whose values are never shown, in lower case.
SECRET_FIELDS = frozenset(
    {
        # signatures and keys
        "sign", "paysign", "signature", "key", "secret", "api_v3_key", "client_secret",
        "access_token", "refresh_token", "app_auth_token", "encrypt_certificate", "ciphertext",
        "req_info", "nonce", "nonce_str", "noncestr", "authorization",
        # what the payer's phone shows
        "auth_code", "authcode",
        # who the payer is
        "openid", "sub_openid", "buyer_id", "buyer_user_id", "buyer_open_id", "buyer_logon_id",
        "open_id", "user_name", "name", "mobile", "phone", "phone_number", "email_address",
        "payer_id",
    }
)  # fmt: skip

_SHOWN_HEADERS = frozenset(
    {
        "accept", "content-length", "content-type", "date", "location", "request-id", "server",
        "user-agent", "wechatpay-serial", "wechatpay-signature-type", "wechatpay-timestamp",
        "paypal-debug-id", "paypal-request-id",
    }
)  # fmt: skip

_PATTERNS = re.compile(
    r"-----BEGIN [^-]+-----.*?-----END [^-]+-----"  # keys and certificates
    r"|(?<!\d)\d{16,24}(?!\d)"  # auth codes; provider's numbers are longer
    r"|(?<!\d)1[3-9]\d{9}(?!\d)"  # mobile numbers
    r"|(?<![\w-])o[\w-]{27}(?![\w-])",  # WeChat openids
    re.DOTALL,
)
_XML_FIELD = re.compile(r"<(\w+)>(?:<!\[CDATA\[(.*?)\]\]>|([^<]*))</\1>", re.DOTALL)
_FORM_NAME = re.compile(r"[A-Za-z_][\w.]{0,39}")


def scrub_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that may be shown; of the others only the names."""
    return {
        name: scrub_text(value) if name.lower() in _SHOWN_HEADERS else HIDDEN
        for name, value in headers.items()
    }


def scrub_url(url: str) -> str:
    """Return the URL with the secret values of its query hidden."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query=_scrub_form(parts.query)))


def scrub_body(body: bytes) -> str:
    """Return the document with secret values hidden, or its size if it can't be read."""
    try:
        text = body.decode("utf-8").strip()
    except UnicodeDecodeError:
        return _size(body)
    if not text:
        return ""
    if text[0] in "{[":
        return _scrub_json(text) or _size(body)
    shown = _scrub_xml(text) if text[0] == "<" else _scrub_form(text)
    return shown or _size(body)


def scrub_text(text: str) -> str:
    """Return words for people with whatever looks like a code, phone, openid or key hidden."""
    if text[:1] in ("{", "["):
        return _scrub_json(text) or HIDDEN
    return _PATTERNS.sub(HIDDEN, text)


def _size(body: bytes) -> str:
    return f"({len(body)} bytes)"


def _scrub_json(text: str) -> str:
    try:
        return json.dumps(_scrub_value(json.loads(text)), ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""


def _scrub_value(value: object) -> object:
    if isinstance(value, dict):
        return {name: _scrub_field(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_scrub_value(inner) for inner in value]
    if isinstance(value, str):
        return scrub_text(value)
    return HIDDEN if _PATTERNS.search(str(value)) else value


def _scrub_field(name: str, value: object) -> object:
    return HIDDEN if name.lower() in SECRET_FIELDS else _scrub_value(value)


def _scrub_form(text: str) -> str:
    pairs = parse_qsl(text, keep_blank_values=True)
    is_form = all(part.count("=") == 1 for part in text.split("&")) and any(v for _, v in pairs)
    if not is_form or any(_FORM_NAME.fullmatch(name) is None for name, _ in pairs):
        return ""
    shown = [(name, str(_scrub_field(name, value))) for name, value in pairs]
    return urlencode(shown, safe='*{}":,', encoding="utf-8")


def _scrub_xml(text: str) -> str:
    if not text.startswith("<xml>"):
        return ""
    fields = [
        (name, _scrub_field(name, marked or plain))
        for name, marked, plain in _XML_FIELD.findall(text)
    ]
    return "".join(f"<{name}>{value}</{name}>" for name, value in fields)
