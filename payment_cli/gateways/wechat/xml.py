"""The flat XML of WeChat Pay v2 and its signature: pure functions.

A document type is refused as soon as the parser meets it, so no entity is ever declared or used.
"""

from codecs import BOM_UTF8
from collections.abc import Mapping
from html import escape

from payment_cli.errors import InvalidValueError
from payment_cli.model.secret import Secret

#: More than any v2 message has.
XML_SIZE_MAX = 64 * 1024


def looks_like_xml(body: bytes) -> bool:
    """Say whether a message is v2's (XML) rather than v3's (JSON)."""
    return body.removeprefix(BOM_UTF8).lstrip()[:1] == b"<"


def write_xml(fields: Mapping[str, str]) -> bytes:
    """Return the document with these fields."""
    parts = [f"<{name}>{escape(text, quote=False)}</{name}>" for name, text in fields.items()]
    return f"<xml>{''.join(parts)}</xml>".encode()


def read_xml(body: bytes) -> dict[str, str]:
    """Return the fields of a flat `<xml>` document.

    Raises:
        InvalidValueError: it is too big, not UTF-8, not flat, has a DTD, or a field twice.
    """
    from xml.parsers import expat

    if len(body) > XML_SIZE_MAX:
        raise InvalidValueError(f"the XML message is longer than {XML_SIZE_MAX} bytes")
    try:
        text = body.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise InvalidValueError("the XML message is not UTF-8") from None
    reader = _FlatReader()
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.CommentHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(text.encode(), True)  # noqa: FBT003 (expat takes it by position)
    except expat.ExpatError:
        raise InvalidValueError("the message is not valid XML") from None
    return reader.fields


class _FlatReader:
    """Collects the children of one `<xml>`; what is in CDATA is text."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._open: list[str] = []

    def refuse(self, *_: object) -> None:
        raise InvalidValueError("the XML message has a DTD or comments, which are refused")

    def start(self, name: str, _attributes: Mapping[str, str]) -> None:
        self._open.append(name)
        if self._open[0] != "xml" or len(self._open) > 2 or name in self.fields:
            raise InvalidValueError("the XML message is not a flat <xml>, or has a field twice")
        if len(self._open) == 2:
            self.fields[name] = ""

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        if len(self._open) == 2:
            self.fields[self._open[1]] += data


def sign_fields(fields: Mapping[str, str], key: Secret, sign_type: str) -> str:
    """Return the v2 signature: sorted `k=v` without `sign` and empty values, then the key."""
    import hashlib  # loads OpenSSL
    import hmac

    kept = sorted((name, value) for name, value in fields.items() if value and name != "sign")
    secret = key.reveal()
    text = "&".join(f"{name}={value}" for name, value in [*kept, ("key", secret)]).encode()
    if sign_type == "HMAC-SHA256":
        return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest().upper()
    return hashlib.md5(text, usedforsecurity=False).hexdigest().upper()


def distrust_of(fields: Mapping[str, str], key: Secret, sign_type: str) -> str:
    """Return why these fields can't be believed, "" if their signature is right.

    Only `sign_type` will do: a message can't choose a weaker one.
    """
    import hmac

    if not key:
        return "without pay_key in wxpay.conf no v2 message can be verified"
    if not fields.get("sign"):
        return "the message carries no sign"
    if fields.get("sign_type", sign_type) != sign_type:
        return f"the message is not signed with {sign_type}"
    right = sign_fields(fields, key, sign_type)
    is_right = hmac.compare_digest(fields["sign"].encode(), right.encode())
    return "" if is_right else "the message's sign is not right"
