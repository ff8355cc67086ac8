"""Which charset a message of Alipay's is in. Pure.

Every request of ours asks for UTF-8, and most of what comes is. GBK comes all the same: Alipay's
default where it could not read a request's `charset`, and what an app may be set to. Signatures are
over the bytes, so a message is verified before anybody asks what its letters are.
"""

import re
from collections.abc import Iterator

#: What Alipay calls it -> the codec that reads it. GB18030 reads all that GBK and GB2312 can say,
#: and, like UTF-8, gives back the very bytes it was given.
CODECS = {"utf-8": "utf-8", "utf8": "utf-8"} | dict.fromkeys(
    ("gbk", "gb2312", "gb18030", "cp936"), "gb18030"
)


def codecs_for(*declared: str) -> Iterator[str]:
    """Yield the codecs to try, each once: the `declared` charsets, UTF-8, GB18030."""
    named = (CODECS.get(name.strip().lower(), "") for name in declared)
    yield from dict.fromkeys(codec for codec in (*named, "utf-8", "gb18030") if codec)


def charset_of(content_type: str) -> str:
    """Return the charset that a Content-Type names, "" if none."""
    found = re.search(r'charset\s*=\s*"?([\w-]+)', content_type, re.IGNORECASE)
    return found[1] if found else ""


def codec_of(raw: bytes, *declared: str) -> str:
    """Return the first codec of `codecs_for` that can read `raw`; the very first if none can."""
    codecs = list(codecs_for(*declared))
    for codec in codecs:
        try:
            raw.decode(codec)
        except UnicodeDecodeError:
            continue
        return codec
    return codecs[0]
