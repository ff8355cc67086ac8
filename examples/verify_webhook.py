"""Verifies a webhook of the shop. Nothing but Python is needed; see the README."""

import base64
import hmac
import json
import time


def verify(key, headers, body):
    """Return the event in `body` (bytes as they came) if the shop signed it within 5 minutes."""
    event_id, sent = headers["webhook-id"], headers["webhook-timestamp"]
    secret = base64.b64decode(key.removeprefix("whsec_"))
    mac = hmac.digest(secret, f"{event_id}.{sent}.".encode() + body, "sha256")
    wanted = b"v1," + base64.b64encode(mac)
    signatures = headers["webhook-signature"].encode().split()
    if not any(hmac.compare_digest(wanted, given) for given in signatures):
        raise ValueError("not signed with our key")
    if abs(time.time() - int(sent)) > 300:
        raise ValueError("signed too long ago")
    return json.loads(body)
