"""What a payer reads about an order: one line, cut to the bytes that WeChat Pay takes. Pure.

Provider documents: `description` (v3) is string(127), `body` (v2, doc/v2/merchant/4011937125)
String(127); texts are counted in bytes of UTF-8.
"""

from payment_cli.gateways.brief import cut, one_line

#: The longest description, v3 and v2 alike.
DESCRIPTION_BYTES_MAX = 127


def description(text: str) -> str:
    """Return `text` as WeChat Pay takes it, "" if it has nothing that can be seen."""
    line = one_line(text)
    can_be_seen = any(mark.isprintable() and mark != " " for mark in line)
    return cut(line, DESCRIPTION_BYTES_MAX, lambda part: len(part.encode())) if can_be_seen else ""
