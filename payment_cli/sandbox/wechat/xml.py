"""WeChat Pay v2's flat XML and its signatures with a shared key."""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from io import BytesIO
from xml.parsers import expat

SIGN_TYPES = ("MD5", "HMAC-SHA256")


class XmlError(Exception):
    """Not the flat XML of WeChat Pay v2, or it tries a DTD."""


def parse_xml(body: bytes) -> dict[str, str]:
    """Read `<xml><name>value</name>…</xml>`.

    Raises:
        XmlError: not well formed, nested, repeated, or with a document type.
    """
    reader = _FlatReader()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.ParseFile(BytesIO(body))
    except expat.ExpatError as error:
        raise XmlError(str(error)) from error
    return reader.fields


def write_xml(fields: Mapping[str, str]) -> bytes:
    """Return the fields as WeChat writes them: every value a CDATA section."""
    parts = [f"<{name}><![CDATA[{_no_end(value)}]]></{name}>" for name, value in fields.items()]
    return f"<xml>{''.join(parts)}</xml>".encode()


def signature_of(fields: Mapping[str, str], pay_key: str, sign_type: str) -> str:
    """Sign the fields that are not empty, in order of their names, with the APIv2 key."""
    pairs = [f"{k}={v}" for k, v in sorted(fields.items()) if v and k != "sign"]
    message = "&".join([*pairs, f"key={pay_key}"]).encode()
    if sign_type == "HMAC-SHA256":
        return hmac.new(pay_key.encode(), message, hashlib.sha256).hexdigest().upper()
    return hashlib.md5(message, usedforsecurity=False).hexdigest().upper()


def signed_xml(fields: Mapping[str, str], pay_key: str, sign_type: str, flaw: str) -> bytes:
    """Return the fields with a nonce and a signature, spoilt by `flaw`."""
    complete = {**fields, "nonce_str": secrets.token_hex(16)}
    if flaw == "signtest":
        complete["sign"] = "WECHATPAY/SIGNTEST/" + secrets.token_hex(6)
    elif flaw == "bad-signature":
        complete["sign"] = signature_of(complete, "the key of somebody else", sign_type)
    elif flaw != "unsigned":
        complete["sign"] = signature_of(complete, pay_key, sign_type)
    return write_xml(complete)


def _no_end(value: str) -> str:
    return value.replace("]]>", "]]]]><![CDATA[>")


class _FlatReader:
    """Collects the children of one root element."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._open: list[str] = []

    def refuse(self, *_: object) -> None:
        raise XmlError("a document type is not allowed")

    def start(self, name: str, _: Mapping[str, str]) -> None:
        self._open.append(name)
        if len(self._open) > 2 or (len(self._open) == 1 and name != "xml"):
            raise XmlError(f"<{name}> is not allowed here")
        if len(self._open) == 2:
            if name in self.fields:
                raise XmlError(f"<{name}> comes twice")
            self.fields[name] = ""

    def end(self, _: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        if len(self._open) == 2:
            self.fields[self._open[-1]] += data
