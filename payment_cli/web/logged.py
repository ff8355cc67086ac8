"""What servers log of a request: its line, without the view key that may be in it.

A view key is in the link that a payer is sent, and whoever has it sees that payment: so it must not
be in a log, which more people read. Behind a `#` no server would see it, but no page would be
there without a script either. A server writes its log when the answer is out, from the environ: so
that is where the key is taken out, whatever the server's format is. What is written instead is
the same for the same key, and leads nobody back to it. Tokens of sessions come behind a `#`, in
bodies, cookies and headers, which are in no line; one that a program puts into an address is taken
out, too.
"""

import hashlib
import re
from urllib.parse import quote, unquote
from wsgiref.types import WSGIEnvironment

#: A payment's id and a token, see services/payments/view.py; or a part of them in a longer text.
#: Else a session's: store, document and signature, see services/stores/sessions.py.
_KEY = re.compile(r"[0-9A-Fa-f]{48,}|[\w.-]+~[\w-]{20,}~[\w-]{20,}=*", re.ASCII)


def without_keys(text: str) -> str:
    """Return `text` with every view key in it replaced by what stands for it in logs."""
    return _KEY.sub(_name, text)


def clean_environ(environ: WSGIEnvironment) -> None:
    """Take the view keys out of what a server may log of a request that was answered."""
    path, query = environ.get("PATH_INFO", ""), environ.get("QUERY_STRING", "")
    clean_path, clean_query = without_keys(path), without_keys(unquote(query))
    if clean_path != path:
        environ["PATH_INFO"] = clean_path
    if clean_query != unquote(query):
        environ["QUERY_STRING"] = clean_query
    if "RAW_URI" in environ and _KEY.search(unquote(environ["RAW_URI"])):
        end = f"?{quote(clean_query, '=&:')}" if clean_query else ""
        environ["RAW_URI"] = quote(clean_path, "/:") + end
    for name in ("HTTP_REFERER", "REQUEST_URI"):
        if name in environ:
            environ[name] = without_keys(unquote(environ[name]))


def _name(found: re.Match[str]) -> str:
    return f"key:{hashlib.sha256(found[0].lower().encode()).hexdigest()[:8]}"
