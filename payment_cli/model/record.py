"""What a record is: one JSON object with a few fields every record has.

Every record has `id nm tp ct lm rev`: its id, its name, its type word, created and last modified
(AMS), and its revision, which the storage counts from 1. Fields nobody here knows are kept and
written back.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

#: A JSON value. Numbers with a fraction are Decimal, never float: they are money or rates.
Json: TypeAlias = (
    "bool | int | Decimal | str | list[Json] | tuple[Json, ...] | Mapping[str, Json] | None"
)

#: A record as it is stored; treat what a storage hands out as yours, it is a fresh copy.
Record: TypeAlias = dict[str, Json]
