"""What WeChat Pay may say beside what is usual: one row each."""

from payment_cli.sandbox.misbehaviour import Kind

KINDS: dict[str, Kind] = {}
