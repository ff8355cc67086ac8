"""Signs a delivery as Standard Webhooks has it, so that a stranger can verify it by a library."""

from payment_cli.model.events.webhook_key import WebhookKeys, key_bytes


def signed_headers(keys: WebhookKeys, event_id: str, now: int, body: bytes) -> dict[str, str]:
    """Return the headers of a try at `now` (AMS): id, time in seconds, and one signature per key.

    Signed are the bytes `id.timestamp.body` with HMAC-SHA256. The id is the same in every try,
    the time is not: a receiver refuses what is older than five minutes, and takes an id once.
    """
    import base64
    import hmac  # loads OpenSSL, which only a delivery needs

    seconds = str(now // 1000)
    signed = b".".join((event_id.encode(), seconds.encode(), body))
    signatures = [hmac.digest(key_bytes(key), signed, "sha256") for key in keys.keys]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(s).decode()}" for s in signatures),
    }
